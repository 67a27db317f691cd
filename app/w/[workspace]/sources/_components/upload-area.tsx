'use client';

import { CircleAlert, CircleCheck, FileUp, RotateCcw, X } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useCallback, useEffect, useRef, useState } from 'react';
import { Button } from '#app/_components/ui/button.tsx';
import { classNames } from '#app/_components/ui/class-names.ts';
import { Progress } from '#app/_components/ui/progress.tsx';
import { acceptedEndings, supportedFormats } from '#lib/ingestion/formats.ts';
import { formatSize } from './describe-document.ts';
import { UploadError, type UploadOutcome, uploadFile } from './upload-file.ts';

/** More at once only make each of them slower. */
const PARALLEL_UPLOADS = 2;
/** A finished upload leaves the list when its document has appeared below. */
const DONE_SHOWN_MS = 4_000;

interface Upload {
  readonly key: number;
  readonly file: File;
  readonly state: 'waiting' | 'sending' | 'done' | 'failed';
  readonly sentBytes: number;
  readonly note: string | null;
  readonly isRetryable: boolean;
}

const outcomeNotes = {
  created: 'Uploaded',
  'new-version': 'Uploaded as a new version',
  unchanged: 'Already here: the same file was uploaded before',
} as const;

/** Rejected files named one by one; of more, only how many. */
const REJECTED_NAMED = 3;

function describeOutcome(result: UploadOutcome): string {
  if (result.outcome !== 'unpacked') return outcomeNotes[result.outcome];
  const { taken, rejected } = result;
  const summary = `Unpacked: ${taken} ${taken === 1 ? 'document' : 'documents'} added`;
  if (rejected.length === 0) return summary;
  const named = rejected.slice(0, REJECTED_NAMED).map(({ fileName, message }) => `${fileName}: ${message}`);
  const more = rejected.length > REJECTED_NAMED ? ` And ${rejected.length - REJECTED_NAMED} more.` : '';
  return `${summary}, ${rejected.length} left out. ${named.join(' ')}${more}`;
}

export function UploadArea({ address, isProminent }: { readonly address: string; readonly isProminent: boolean }) {
  const router = useRouter();
  const inputRef = useRef<HTMLInputElement>(null);
  const nextKey = useRef(0);
  const aborts = useRef(new Map<number, AbortController>());
  const [uploads, setUploads] = useState<readonly Upload[]>([]);
  const [isOver, setOver] = useState(false);

  const change = useCallback((key: number, update: Partial<Upload>) => {
    setUploads((all) => all.map((upload) => (upload.key === key ? { ...upload, ...update } : upload)));
  }, []);
  const drop = useCallback((key: number) => setUploads((all) => all.filter((upload) => upload.key !== key)), []);

  const add = useCallback((files: Iterable<File>) => {
    const added = [...files].map((file): Upload => {
      nextKey.current += 1;
      return { key: nextKey.current, file, state: 'waiting', sentBytes: 0, note: null, isRetryable: true };
    });
    setUploads((all) => [...all, ...added]);
  }, []);

  // The whole page takes files: a browser would otherwise leave the page to show a file that missed the frame.
  useEffect(() => {
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    const over = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false);
    };
    const take = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(false);
      add(event.dataTransfer?.files ?? []);
    };
    window.addEventListener('dragover', over);
    window.addEventListener('dragleave', leave);
    window.addEventListener('drop', take);
    return () => {
      window.removeEventListener('dragover', over);
      window.removeEventListener('dragleave', leave);
      window.removeEventListener('drop', take);
    };
  }, [add]);

  // Start the next ones whenever a place is free.
  useEffect(() => {
    const running = uploads.filter((upload) => upload.state === 'sending').length;
    const next = uploads
      .filter((upload) => upload.state === 'waiting')
      .slice(0, Math.max(0, PARALLEL_UPLOADS - running));
    for (const upload of next) {
      const { key, file } = upload;
      if (aborts.current.has(key)) continue;
      const controller = new AbortController();
      aborts.current.set(key, controller);
      change(key, { state: 'sending', sentBytes: 0, note: null });
      const send = async () => {
        try {
          const result = await uploadFile(address, file, (sentBytes) => change(key, { sentBytes }), controller.signal);
          change(key, { state: 'done', note: describeOutcome(result) });
          // What needs reading stays until it is dismissed.
          const isReported = result.outcome === 'unpacked' && result.rejected.length > 0;
          if (result.outcome !== 'unchanged' && !isReported) setTimeout(() => drop(key), DONE_SHOWN_MS);
        } catch (error) {
          if (controller.signal.aborted) return;
          const isKnown = error instanceof UploadError;
          change(key, {
            state: 'failed',
            note: isKnown ? error.message : 'The upload failed.',
            isRetryable: isKnown ? error.isRetryable : true,
          });
        } finally {
          aborts.current.delete(key);
          router.refresh();
        }
      };
      void send();
    }
  }, [uploads, address, change, drop, router]);

  // Leaving the page would cut the uploads; the browser asks first.
  const isSending = uploads.some((upload) => upload.state === 'sending' || upload.state === 'waiting');
  useEffect(() => {
    if (!isSending) return undefined;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', warn);
    return () => window.removeEventListener('beforeunload', warn);
  }, [isSending]);

  return (
    <div>
      <section
        aria-label="Add documents"
        className={classNames(
          'flex items-center gap-x-5 gap-y-4 rounded-xl border border-dashed px-5 transition-colors',
          isProminent ? 'flex-col py-14 text-center' : 'flex-wrap py-5',
          isOver ? 'border-accent bg-accent-soft' : 'border-control bg-raised/60',
        )}
      >
        <span
          className={classNames(
            'grid shrink-0 place-items-center rounded-full bg-accent-soft text-accent-text',
            isProminent ? 'size-12' : 'size-10',
          )}
        >
          <FileUp aria-hidden className="size-5" />
        </span>
        <div className={isProminent ? '' : 'min-w-52 flex-1'}>
          <p className={isProminent ? 'font-serif text-xl font-semibold' : 'text-sm font-medium'}>
            {isOver ? 'Let go to add them' : 'Drop documents here'}
          </p>
          <p className="mt-0.5 text-[0.8125rem] text-ink-faint">
            {supportedFormats}, up to 100 MB each. Your files stay on this machine.
          </p>
        </div>
        <Button look="primary" onClick={() => inputRef.current?.click()}>
          Choose files
        </Button>
        <input
          ref={inputRef}
          type="file"
          multiple
          accept={acceptedEndings}
          aria-label="Choose documents"
          tabIndex={-1}
          className="sr-only"
          onChange={(event) => {
            add(event.target.files ?? []);
            // The same file may be chosen again after it was corrected.
            event.target.value = '';
          }}
        />
      </section>

      {uploads.length > 0 ? (
        <ul aria-label="Uploads" className="mt-3 flex flex-col gap-1.5">
          {uploads.map((upload) => (
            <li
              key={upload.key}
              className="flex items-center gap-3 rounded-lg border border-line bg-raised px-3.5 py-2.5 text-sm"
            >
              {upload.state === 'done' ? (
                <CircleCheck aria-hidden className="size-4 shrink-0 text-accent-text" />
              ) : upload.state === 'failed' ? (
                <CircleAlert aria-hidden className="size-4 shrink-0 text-danger" />
              ) : (
                <FileUp aria-hidden className="size-4 shrink-0 text-ink-faint" />
              )}
              <div className="min-w-0 flex-1">
                <p className="truncate font-medium">{upload.file.name}</p>
                {upload.note === null ? (
                  <div className="mt-1 flex items-center gap-3">
                    <Progress
                      label={`Upload of ${upload.file.name}`}
                      value={upload.file.size === 0 ? null : upload.sentBytes / upload.file.size}
                    />
                    <span className="shrink-0 text-xs tabular-nums text-ink-faint">
                      {upload.state === 'waiting'
                        ? 'waiting'
                        : formatSize(Math.min(upload.sentBytes, upload.file.size))}{' '}
                      / {formatSize(upload.file.size)}
                    </span>
                  </div>
                ) : (
                  <p
                    role={upload.state === 'failed' ? 'alert' : 'status'}
                    className={classNames(
                      'text-[0.8125rem] leading-snug',
                      upload.state === 'failed' ? 'text-danger' : 'text-ink-faint',
                    )}
                  >
                    {upload.note}
                  </p>
                )}
              </div>
              {upload.state === 'failed' && upload.isRetryable ? (
                <Button
                  look="quiet"
                  size="icon-sm"
                  aria-label={`Upload ${upload.file.name} again`}
                  onClick={() => change(upload.key, { state: 'waiting', note: null })}
                >
                  <RotateCcw aria-hidden />
                </Button>
              ) : null}
              <Button
                look="quiet"
                size="icon-sm"
                aria-label={
                  upload.state === 'sending' || upload.state === 'waiting'
                    ? `Cancel the upload of ${upload.file.name}`
                    : `Dismiss ${upload.file.name}`
                }
                onClick={() => {
                  aborts.current.get(upload.key)?.abort();
                  drop(upload.key);
                }}
              >
                <X aria-hidden />
              </Button>
            </li>
          ))}
        </ul>
      ) : null}
    </div>
  );
}
