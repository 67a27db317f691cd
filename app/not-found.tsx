import { SearchX } from 'lucide-react';
import Link from 'next/link';
import { Button } from './_components/ui/button.tsx';

export default function NotFound() {
  return (
    <main className="mx-auto flex min-h-[70dvh] max-w-lg flex-col justify-center px-6 py-16">
      <SearchX aria-hidden className="size-7 text-brass" />
      <h1 className="mt-5 font-serif text-[2rem] font-semibold leading-tight">Nothing stands here</h1>
      <p className="mt-3 text-[0.9375rem] leading-relaxed text-ink-soft">
        The page does not exist, or it belongs to a workspace that you are not a member of.
      </p>
      <div className="mt-7">
        <Button asChild look="primary">
          <Link href="/">Back to your workspace</Link>
        </Button>
      </div>
    </main>
  );
}
