'use client';

import { FileArchive, RotateCcw, X } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { toast } from 'sonner';
import { formatSize } from '#app/_components/documents/describe-document.ts';
import { Button } from '#app/_components/ui/button.tsx';
import { Progress } from '#app/_components/ui/progress.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import { useRefreshWhile } from '#app/_components/ui/use-refresh-while.ts';
import type { ActionResult } from '#app/_server/action.ts';
import type { ArchiveView } from '#lib/ingestion/read-archives.ts';

type RunAction = (input: { workspace: string; runId: string }) => Promise<ActionResult<unknown>>;

const isMoving = ({ state }: ArchiveView) => state === 'queued' || state === 'running';

function describe({ state, taken, unchanged, rejectedCount }: ArchiveView): string {
  const parts = [
    `${taken} ${taken === 1 ? 'document' : 'documents'} added`,
    ...(unchanged > 0 ? [`${unchanged} here already`] : []),
    ...(rejectedCount > 0 ? [`${rejectedCount} left out`] : []),
  ].join(', ');
  if (state === 'queued') return 'Waiting to be unpacked';
  if (state === 'running') return `Being unpacked: ${parts}`;
  if (state === 'cancelled') return `Cancelled: ${parts}`;
  return parts;
}

/** ZIP archives that are being unpacked, and those with files that could not be taken in: each named, with its reason. */
export function ArchiveList({
  workspace,
  archives,
  dismissArchive,
  cancelRun,
  retryRun,
}: {
  readonly workspace: string;
  readonly archives: readonly ArchiveView[];
  readonly dismissArchive: (input: { workspace: string; archiveId: string }) => Promise<ActionResult<unknown>>;
  readonly cancelRun: RunAction;
  readonly retryRun: RunAction;
}) {
  const router = useRouter();
  useRefreshWhile(archives.some(isMoving));
  if (archives.length === 0) return null;
  const settle = (result: ActionResult<unknown>) => {
    if (!result.ok) toast.error(result.error.message);
    router.refresh();
  };
  return (
    <section aria-label="Archives" className="mt-3 flex flex-col gap-2">
      {archives.map((archive) => (
        <article
          key={archive.id}
          aria-label={archive.fileName}
          className="rounded-xl border border-line bg-raised px-3.5 py-2.5 text-sm"
        >
          <div className="flex flex-wrap items-center gap-3">
            <FileArchive aria-hidden className="size-4 shrink-0 text-ink-faint" />
            <div className="min-w-40 flex-1">
              <p className="truncate font-medium" title={archive.fileName}>
                {archive.fileName}
              </p>
              <p className="text-[0.8125rem] text-ink-faint">
                {describe(archive)} · {formatSize(archive.sizeBytes)} · <Time value={archive.createdAt} />
              </p>
              {archive.error === null ? null : (
                <p role="alert" className="text-[0.8125rem] text-danger">
                  {archive.error}
                </p>
              )}
            </div>
            {isMoving(archive) ? (
              <>
                <Progress className="w-28" label={`Unpacking of ${archive.fileName}`} value={null} />
                <Button
                  size="sm"
                  onClick={() => void cancelRun({ workspace, runId: archive.runId }).then(settle)}
                  aria-label={`Cancel the unpacking of ${archive.fileName}`}
                >
                  Cancel
                </Button>
              </>
            ) : (
              <>
                {archive.state === 'failed' || archive.state === 'cancelled' ? (
                  <Button size="sm" onClick={() => void retryRun({ workspace, runId: archive.runId }).then(settle)}>
                    <RotateCcw aria-hidden />
                    Try again
                  </Button>
                ) : null}
                <Button
                  look="quiet"
                  size="icon-sm"
                  aria-label={`Dismiss ${archive.fileName}`}
                  onClick={() => void dismissArchive({ workspace, archiveId: archive.id }).then(settle)}
                >
                  <X aria-hidden />
                </Button>
              </>
            )}
          </div>
          {archive.rejectedCount > 0 ? (
            <details className="mt-1.5 pl-7" open={archive.rejectedCount <= 5}>
              <summary className="cursor-pointer rounded-sm text-[0.8125rem] text-ink-soft">
                Files that were left out
              </summary>
              <ul aria-label={`Left out of ${archive.fileName}`} className="mt-1 max-h-64 overflow-y-auto">
                {archive.rejected.map((entry) => (
                  <li key={`${entry.fileName}/${entry.code}`} className="py-0.5 text-[0.8125rem] leading-snug">
                    <span className="break-words font-medium">{entry.fileName}</span>{' '}
                    <span className="text-danger">{entry.message}</span>
                  </li>
                ))}
                {archive.rejectedCount > archive.rejected.length ? (
                  <li className="py-0.5 text-[0.8125rem] text-ink-faint">
                    and {archive.rejectedCount - archive.rejected.length} more
                  </li>
                ) : null}
              </ul>
            </details>
          ) : null}
        </article>
      ))}
    </section>
  );
}
