import type { Metadata } from 'next';
import Link from 'next/link';
import { Button } from '#app/_components/ui/button.tsx';
import { getDeps } from '#app/_server/deps.ts';
import { isSetupLinkOpen } from '#lib/auth/set-up.ts';
import { SetUpForm } from '../_components/auth-forms.tsx';
import { AuthHeading } from '../_components/credentials-form.tsx';

export const metadata: Metadata = { title: 'Set up', referrer: 'no-referrer' };

export default async function SetUpPage({
  searchParams,
}: {
  readonly searchParams: Promise<{ readonly token?: string | string[] }>;
}) {
  const { token } = await searchParams;
  if (typeof token !== 'string' || !(await isSetupLinkOpen(getDeps(), token))) {
    return (
      <>
        <AuthHeading title="This set-up link is not valid">
          It works once and for a day, while nobody has an account. Start Lorehouse again to get a new one, or sign in.
        </AuthHeading>
        <Button asChild look="primary" size="lg" className="mt-7">
          <Link href="/sign-in">Go to sign-in</Link>
        </Button>
      </>
    );
  }
  return (
    <>
      <AuthHeading title="Welcome to Lorehouse">
        Make the first account. It owns this installation: it creates workspaces and invites people.
      </AuthHeading>
      <SetUpForm token={token} />
    </>
  );
}
