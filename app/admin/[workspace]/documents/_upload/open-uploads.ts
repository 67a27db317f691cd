import {
  ALIVE_INTERVAL_MS,
  findInterrupted,
  forgetInterrupted,
  type InterruptedUploads,
  rememberUploads,
} from './interrupted-uploads.ts';
import { uploadFile } from './upload-file.ts';
import { createUploadQueue, type UploadQueue } from './upload-queue.ts';

/** A browser opens six connections to one server; two stay free for the page itself. */
const PARALLEL_UPLOADS = 4;

export interface WorkspaceUploads {
  readonly queue: UploadQueue;
  /** What an earlier visit left unfinished; empty for most. */
  readonly interrupted: InterruptedUploads;
  readonly forgetInterrupted: () => void;
}

const askBeforeLeaving = (event: BeforeUnloadEvent) => event.preventDefault();

const opened = new Map<string, WorkspaceUploads>();

/** One id for a tab, also after its reload. */
function readTabId(): string {
  const KEY = 'lorehouse.tab';
  const known = sessionStorage.getItem(KEY);
  if (known !== null) return known;
  const made = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
  sessionStorage.setItem(KEY, made);
  return made;
}

/** The uploads of a workspace. They belong to the tab, not to a page: one may look elsewhere in the product meanwhile. */
export function openUploads(workspace: string): WorkspaceUploads {
  const known = opened.get(workspace);
  if (known) return known;
  const tabId = readTabId();
  const interrupted = findInterrupted(localStorage, workspace, tabId, Date.now());
  const queue = createUploadQueue({
    parallel: PARALLEL_UPLOADS,
    send: (file, onProgress, signal) => uploadFile(`/api/w/${workspace}/documents`, file, onProgress, signal),
    onSettled: () => undefined,
  });
  let timer: ReturnType<typeof setInterval> | undefined;
  const remember = () => {
    const pending = queue.getItems().filter(({ state }) => state === 'waiting' || state === 'sending');
    rememberUploads(
      localStorage,
      workspace,
      tabId,
      pending.map((item) => item.path),
      Date.now(),
    );
    if (pending.length > 0 && timer === undefined) {
      timer = setInterval(remember, ALIVE_INTERVAL_MS);
      // Leaving would cut them off; the browser asks first.
      window.addEventListener('beforeunload', askBeforeLeaving);
    } else if (pending.length === 0 && timer !== undefined) {
      clearInterval(timer);
      timer = undefined;
      window.removeEventListener('beforeunload', askBeforeLeaving);
    }
  };
  queue.subscribe(() => {
    if (timer === undefined || queue.getItems().every(({ state }) => state === 'done' || state === 'failed'))
      remember();
  });
  const uploads = {
    queue,
    interrupted,
    forgetInterrupted: () => forgetInterrupted(localStorage, workspace, tabId, Date.now()),
  };
  opened.set(workspace, uploads);
  return uploads;
}
