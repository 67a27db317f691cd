'use client';

import { CircleAlert, CircleCheck, FileUp, RotateCcw, X } from 'lucide-react';
import { useMemo, useState } from 'react';
import { formatSize } from '#app/_components/documents/describe-document.ts';
import { Button } from '#app/_components/ui/button.tsx';
import { classNames } from '#app/_components/ui/class-names.ts';
import { Progress } from '#app/_components/ui/progress.tsx';
import type { UploadOutcome } from './upload-file.ts';
import type { UploadItem, UploadQueue } from './upload-queue.ts';

/** Rows drawn before someone asks for all. */
const ROWS_SHOWN = 60;

/** What needs reading stands first, what is over and fine last. */
const order: Readonly<Record<UploadItem['state'], number>> = { failed: 0, sending: 1, waiting: 2, done: 3 };

function describeResult(result: UploadOutcome, path: string): string {
  switch (result.outcome) {
    case 'created':
      return 'Uploaded';
    case 'new-version':
      return 'Uploaded as a new version';
    case 'unpacking':
      return 'Uploaded; its files are being unpacked';
    case 'unchanged':
      return result.fileName === path
        ? 'Already here: exactly this file was uploaded before'
        : `Already here as “${result.fileName}”`;
  }
}

function UploadRow({ item, queue }: { readonly item: UploadItem; readonly queue: UploadQueue }) {
  const { state, path, file } = item;
  const isPending = state === 'waiting' || state === 'sending';
  return (
    <li className="flex min-h-11 items-center gap-3 px-3.5 py-1.5 text-sm" data-upload={state}>
      {state === 'done' ? (
        <CircleCheck aria-hidden className="size-4 shrink-0 text-accent-text" />
      ) : state === 'failed' ? (
        <CircleAlert aria-hidden className="size-4 shrink-0 text-danger" />
      ) : (
        <FileUp aria-hidden className="size-4 shrink-0 text-ink-faint" />
      )}
      <div className="min-w-0 flex-1">
        <p className="truncate" title={path}>
          {path}
        </p>
        {state === 'sending' ? (
          <Progress
            className="mt-1"
            label={`Upload of ${path}`}
            value={file.size === 0 ? null : item.sentBytes / file.size}
          />
        ) : null}
        {item.error === null ? null : (
          <p role="alert" className="text-[0.8125rem] leading-snug text-danger">
            {item.error}
          </p>
        )}
        {item.result === null ? null : (
          <p className="truncate text-[0.8125rem] leading-snug text-ink-faint">{describeResult(item.result, path)}</p>
        )}
      </div>
      {isPending ? (
        <span className="shrink-0 text-xs tabular-nums text-ink-faint">
          {state === 'waiting' ? 'waiting' : formatSize(Math.min(item.sentBytes, file.size))} / {formatSize(file.size)}
        </span>
      ) : null}
      {state === 'failed' && item.isRetryable ? (
        <Button look="quiet" size="icon-sm" aria-label={`Upload ${path} again`} onClick={() => queue.retry(item.key)}>
          <RotateCcw aria-hidden />
        </Button>
      ) : null}
      <Button
        look="quiet"
        size="icon-sm"
        aria-label={isPending ? `Cancel the upload of ${path}` : `Dismiss ${path}`}
        onClick={() => queue.cancel(item.key)}
      >
        <X aria-hidden />
      </Button>
    </li>
  );
}

export function UploadList({ items, queue }: { readonly items: readonly UploadItem[]; readonly queue: UploadQueue }) {
  const [showsAll, setShowsAll] = useState(false);
  const count = (state: UploadItem['state']) => items.filter((item) => item.state === state).length;
  const failed = count('failed');
  const done = count('done');
  const pending = items.length - failed - done;
  const known = items.filter((item) => item.result?.outcome === 'unchanged').length;
  const bytes = items.reduce((sum, item) => sum + item.file.size, 0);
  const sentBytes = items.reduce(
    (sum, item) => sum + (item.state === 'done' || item.state === 'failed' ? item.file.size : item.sentBytes),
    0,
  );
  const sorted = useMemo(
    () =>
      items.toSorted((a, b) => order[a.state] - order[b.state] || (a.state === 'done' ? b.key - a.key : a.key - b.key)),
    [items],
  );
  const shown = showsAll ? sorted : sorted.slice(0, ROWS_SHOWN);
  const summary = [
    pending > 0 ? `${done} of ${items.length} uploaded` : `${done} ${done === 1 ? 'file' : 'files'} uploaded`,
    ...(known > 0 ? [`${known} were here already`] : []),
    ...(failed > 0 ? [`${failed} not taken in`] : []),
  ].join(' · ');
  return (
    <section aria-label="Uploads" className="mt-3 overflow-hidden rounded-xl border border-line bg-raised">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2 border-b border-line px-3.5 py-2.5">
        <output className="min-w-40 flex-1 text-sm font-medium tabular-nums">{summary}</output>
        {pending > 0 ? (
          <Button size="sm" onClick={() => queue.cancel()}>
            Cancel all
          </Button>
        ) : null}
        {failed > 0 && items.some((item) => item.state === 'failed' && item.isRetryable) ? (
          <Button size="sm" onClick={() => queue.retry()}>
            <RotateCcw aria-hidden />
            Try failed ones again
          </Button>
        ) : null}
        {done + failed > 0 ? (
          <Button size="sm" look="quiet" onClick={() => queue.clearFinished()}>
            Clear finished
          </Button>
        ) : null}
        {pending > 0 ? (
          <Progress className="basis-full" label="All uploads" value={bytes === 0 ? null : sentBytes / bytes} />
        ) : null}
      </div>
      <ul
        className={classNames(
          'divide-y divide-line overflow-y-auto',
          failed > 0 && pending === 0 ? 'max-h-96' : 'max-h-64',
        )}
      >
        {shown.map((item) => (
          <UploadRow key={item.key} item={item} queue={queue} />
        ))}
        {sorted.length > shown.length ? (
          <li className="px-3.5 py-2">
            <Button look="link" size="none" className="text-[0.8125rem]" onClick={() => setShowsAll(true)}>
              Show {sorted.length - shown.length} more
            </Button>
          </li>
        ) : null}
      </ul>
    </section>
  );
}
