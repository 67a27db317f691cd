import { Card, Skeleton } from './page.tsx';

/** The outline of a page with a list, while its data is on the way. */
export function PageSkeleton() {
  return (
    <div className="mx-auto w-full max-w-5xl px-4 pb-20 pt-8 sm:px-8 sm:pt-12">
      <p className="sr-only">Loading</p>
      <Skeleton className="h-9 w-56" />
      <Skeleton className="mt-4 h-4 w-96 max-w-full" />
      <Card className="mt-9 divide-y divide-line">
        {['a', 'b', 'c', 'd'].map((row) => (
          <div key={row} className="flex items-center gap-4 px-5 py-4">
            <Skeleton className="size-9" />
            <div className="flex-1">
              <Skeleton className="h-4 w-1/3" />
              <Skeleton className="mt-2 h-3 w-1/2" />
            </div>
          </div>
        ))}
      </Card>
    </div>
  );
}
