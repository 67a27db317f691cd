'use client';

import { FileUp, FolderUp } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import { toast } from 'sonner';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { classNames } from '#app/_components/ui/class-names.ts';
import { acceptedEndings, supportedFormats } from '#lib/ingestion/formats.ts';
import { chooseFiles, collectDroppedFiles } from './collect-files.ts';
import type { InterruptedUploads } from './interrupted-uploads.ts';
import { openUploads, type WorkspaceUploads } from './open-uploads.ts';
import type { ChosenFile } from './upload-file.ts';
import { UploadList } from './upload-list.tsx';
import type { UploadItem } from './upload-queue.ts';

const REFRESH_AT_MOST_EVERY_MS = 3000;
const NAMES_SHOWN = 12;

const NO_ITEMS: readonly UploadItem[] = [];
const NO_UPLOADS: Pick<WorkspaceUploads['queue'], 'subscribe' | 'getItems'> = {
  subscribe: () => () => undefined,
  getItems: () => NO_ITEMS,
};

const isFinished = ({ state }: UploadItem) => state === 'done' || state === 'failed';

/** The whole page takes files: a browser would otherwise leave the page to show a file that missed the frame. */
function usePageDrop(onDrop: (transfer: DataTransfer) => void): boolean {
  const [isOver, setOver] = useState(false);
  const onDropRef = useRef(onDrop);
  useEffect(() => {
    onDropRef.current = onDrop;
  });
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
      if (!hasFiles(event) || event.dataTransfer === null) return;
      event.preventDefault();
      setOver(false);
      onDropRef.current(event.dataTransfer);
    };
    window.addEventListener('dragover', over);
    window.addEventListener('dragleave', leave);
    window.addEventListener('drop', take);
    return () => {
      window.removeEventListener('dragover', over);
      window.removeEventListener('dragleave', leave);
      window.removeEventListener('drop', take);
    };
  }, []);
  return isOver;
}

/** The list below is asked for again when uploads have finished, not for each of hundreds. */
function useRefreshAfter(finished: number): void {
  const router = useRouter();
  const refreshedAt = useRef(0);
  useEffect(() => {
    if (finished === 0) return undefined;
    const waitMs = Math.max(0, refreshedAt.current + REFRESH_AT_MOST_EVERY_MS - Date.now());
    const timer = setTimeout(() => {
      refreshedAt.current = Date.now();
      router.refresh();
    }, waitMs);
    return () => clearTimeout(timer);
  }, [finished, router]);
}

function Interrupted({ uploads, onDismiss }: { readonly uploads: InterruptedUploads; readonly onDismiss: () => void }) {
  const more = uploads.count - Math.min(NAMES_SHOWN, uploads.names.length);
  return (
    <Callout
      tone="warn"
      className="mt-3"
      title={
        uploads.count === 1
          ? 'An upload was interrupted'
          : `${uploads.count} uploads were interrupted before they were complete`
      }
      actions={
        <Button size="sm" onClick={onDismiss}>
          Dismiss
        </Button>
      }
    >
      <p>Only your computer has these files. Add them again; what had arrived is recognised.</p>
      <ul aria-label="Interrupted uploads" className="mt-1.5 list-disc pl-5 text-[0.8125rem] text-ink-soft">
        {uploads.names.slice(0, NAMES_SHOWN).map((name) => (
          <li key={name} className="break-words">
            {name}
          </li>
        ))}
        {more > 0 ? <li>and {more} more</li> : null}
      </ul>
    </Callout>
  );
}

/** Takes files and folders, dropped anywhere on the page or chosen, and shows how far each is. */
export function UploadArea({ workspace, isProminent }: { readonly workspace: string; readonly isProminent: boolean }) {
  const filesRef = useRef<HTMLInputElement>(null);
  const folderRef = useRef<HTMLInputElement>(null);
  // What a tab uploads is known in the browser alone, so the server's rendering has none.
  const uploads = useSyncExternalStore(
    NO_UPLOADS.subscribe,
    () => openUploads(workspace),
    () => null,
  );
  const [isDismissed, setDismissed] = useState(false);
  const queue = uploads?.queue ?? NO_UPLOADS;
  const items = useSyncExternalStore(queue.subscribe, queue.getItems, () => NO_ITEMS);
  useRefreshAfter(items.filter(isFinished).length);

  const add = (files: readonly ChosenFile[]) => {
    if (files.length === 0) toast.info('There were no files in what you dropped.');
    else uploads?.queue.add(files);
  };
  const isOver = usePageDrop((transfer) => {
    collectDroppedFiles(transfer)
      .then(add)
      .catch(() => toast.error('The browser could not read what you dropped.'));
  });

  return (
    <div>
      <section
        aria-label="Add documents"
        // A page that the browser has not brought to life yet takes nothing that is dropped.
        aria-busy={uploads === null}
        className={classNames(
          'flex items-center gap-x-5 gap-y-4 rounded-xl border border-dashed px-5 transition-colors',
          isProminent ? 'flex-col py-14 text-center' : 'flex-wrap py-5',
          isOver ? 'border-accent bg-accent-soft' : 'border-control bg-raised/60',
        )}
      >
        <span
          className={classNames(
            'grid shrink-0 place-items-center rounded-full bg-accent-soft text-accent-text',
            isProminent ? 'size-12' : 'size-10 max-sm:hidden',
          )}
        >
          <FileUp aria-hidden className="size-5" />
        </span>
        <div className={isProminent ? 'max-w-xl' : 'min-w-52 flex-1'}>
          <p className={isProminent ? 'font-serif text-xl font-semibold' : 'text-sm font-medium'}>
            {isOver ? 'Let go to add them' : 'Drop files or whole folders here'}
          </p>
          <p className="mt-0.5 text-[0.8125rem] text-ink-faint">
            {supportedFormats}, up to 100 MB each. A file of a known name becomes its next version; the same file again
            is recognised. Nothing leaves this machine.
          </p>
        </div>
        <div className="flex flex-wrap gap-2">
          <Button look="primary" disabled={uploads === null} onClick={() => filesRef.current?.click()}>
            Choose files
          </Button>
          <Button disabled={uploads === null} onClick={() => folderRef.current?.click()}>
            <FolderUp aria-hidden />
            Choose a folder
          </Button>
        </div>
        <input
          ref={filesRef}
          type="file"
          multiple
          disabled={uploads === null}
          accept={acceptedEndings}
          aria-label="Choose documents"
          tabIndex={-1}
          className="sr-only"
          onChange={(event) => {
            add(chooseFiles(event.target.files ?? []));
            // The same file may be chosen again after it was corrected.
            event.target.value = '';
          }}
        />
        <input
          ref={(input) => {
            folderRef.current = input;
            // What React's types do not know; every browser of today does.
            input?.setAttribute('webkitdirectory', '');
          }}
          type="file"
          multiple
          disabled={uploads === null}
          aria-label="Choose a folder of documents"
          tabIndex={-1}
          className="sr-only"
          onChange={(event) => {
            add(chooseFiles(event.target.files ?? []));
            event.target.value = '';
          }}
        />
      </section>

      {uploads !== null && uploads.interrupted.count > 0 && !isDismissed ? (
        <Interrupted
          uploads={uploads.interrupted}
          onDismiss={() => {
            uploads.forgetInterrupted();
            setDismissed(true);
          }}
        />
      ) : null}
      {uploads !== null && items.length > 0 ? <UploadList items={items} queue={uploads.queue} /> : null}
    </div>
  );
}
