import { RotateCcw } from 'lucide-react';
import Link from 'next/link';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';

export interface RetrainItem {
  readonly versionId: string;
  readonly label: string;
  /** What it learned from and is gone. */
  readonly deleted: string;
  /** False: it was not trained here, so nothing could be drafted. */
  readonly isDrafted: boolean;
}

/** Versions that learned from what was deleted since, each with the run that is drafted in its place. */
export function RetrainList({
  workspace,
  items,
}: {
  readonly workspace: string;
  readonly items: readonly RetrainItem[];
}) {
  return (
    <div className="flex flex-col gap-3">
      {items.map(({ versionId, label, deleted, isDrafted }) => (
        <Callout
          key={versionId}
          tone="warn"
          title={`${label} learned from what was deleted`}
          actions={
            isDrafted ? (
              <Button size="sm" asChild>
                <Link href={`/admin/${workspace}/adapters/train?again=${versionId}`}>
                  <RotateCcw aria-hidden />
                  Open the drafted run
                </Link>
              </Button>
            ) : null
          }
        >
          It holds what it learned from {deleted}.{' '}
          {isDrafted
            ? 'A run with the same options on its data set without that is drafted.'
            : 'It was not trained here: ask for a version without that where it was made.'}
        </Callout>
      ))}
    </div>
  );
}
