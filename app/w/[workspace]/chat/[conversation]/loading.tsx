import { Skeleton } from '#app/_components/ui/page.tsx';

export default function LoadingConversation() {
  return (
    <div className="mx-auto w-full max-w-3xl px-4 pt-10 sm:px-8">
      <p className="sr-only">Loading the conversation</p>
      <Skeleton className="h-7 w-2/3" />
      <Skeleton className="mt-6 h-4 w-full" />
      <Skeleton className="mt-3 h-4 w-11/12" />
      <Skeleton className="mt-3 h-4 w-3/5" />
      <Skeleton className="mt-8 h-40 w-full" />
    </div>
  );
}
