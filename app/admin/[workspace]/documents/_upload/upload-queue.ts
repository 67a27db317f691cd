import { type ChosenFile, UploadError, type UploadOutcome } from './upload-file.ts';

export interface UploadItem extends ChosenFile {
  readonly key: number;
  readonly state: 'waiting' | 'sending' | 'done' | 'failed';
  readonly sentBytes: number;
  /** Of a finished upload. */
  readonly result: UploadOutcome | null;
  /** Why it failed. */
  readonly error: string | null;
  readonly isRetryable: boolean;
}

export interface UploadQueue {
  add(files: readonly ChosenFile[]): void;
  /** Send again what failed and may succeed; default all of it. */
  retry(key?: number): void;
  /** Stop sending, or take off the list; default everything that is not finished. */
  cancel(key?: number): void;
  /** Take what is finished or failed off the list. */
  clearFinished(): void;
  /** For React's `useSyncExternalStore`: the same array until something changes. */
  getItems(): readonly UploadItem[];
  subscribe(listener: () => void): () => void;
}

export interface UploadQueueOptions {
  readonly send: (
    file: ChosenFile,
    onProgress: (sentBytes: number) => void,
    signal: AbortSignal,
  ) => Promise<UploadOutcome>;
  /** Uploads under way at once. */
  readonly parallel: number;
  /** Called after each upload, however it ended. */
  readonly onSettled: () => void;
  /** When listeners hear of changes; many changes before are one. Default: with the next frame. */
  readonly schedule?: (notify: () => void) => void;
}

/** Uploads in the order in which they were chosen, a few at a time. One that fails holds nobody up. */
export function createUploadQueue(options: UploadQueueOptions): UploadQueue {
  const { send, parallel, onSettled, schedule = (notify) => requestAnimationFrame(notify) } = options;
  const listeners = new Set<() => void>();
  const aborts = new Map<number, AbortController>();
  const items = new Map<number, UploadItem>();
  let snapshot: readonly UploadItem[] = [];
  let isScheduled = false;
  let lastKey = 0;

  function announce(): void {
    if (isScheduled) return;
    isScheduled = true;
    schedule(() => {
      isScheduled = false;
      snapshot = [...items.values()];
      for (const listener of listeners) listener();
    });
  }

  function change(key: number, update: Partial<UploadItem>): void {
    const item = items.get(key);
    if (!item) return;
    items.set(key, { ...item, ...update });
    announce();
  }

  function startNext(): void {
    for (const item of items.values()) {
      if (aborts.size >= parallel) return;
      if (item.state === 'waiting') void run(item);
    }
  }

  async function run({ key, path, file }: UploadItem): Promise<void> {
    const controller = new AbortController();
    aborts.set(key, controller);
    change(key, { state: 'sending', sentBytes: 0, error: null });
    try {
      const result = await send({ path, file }, (sentBytes) => change(key, { sentBytes }), controller.signal);
      change(key, { state: 'done', result });
    } catch (error) {
      const isKnown = error instanceof UploadError;
      change(key, {
        state: 'failed',
        error: isKnown ? error.message : 'The upload failed.',
        isRetryable: isKnown ? error.isRetryable : true,
      });
    } finally {
      aborts.delete(key);
      onSettled();
      startNext();
    }
  }

  return {
    add(files) {
      for (const { path, file } of files) {
        lastKey += 1;
        items.set(lastKey, {
          key: lastKey,
          path,
          file,
          state: 'waiting',
          sentBytes: 0,
          result: null,
          error: null,
          isRetryable: true,
        });
      }
      announce();
      startNext();
    },
    retry(key) {
      for (const item of items.values()) {
        const isMeant = key === undefined || item.key === key;
        if (isMeant && item.state === 'failed' && item.isRetryable) change(item.key, { state: 'waiting', error: null });
      }
      startNext();
    },
    cancel(key) {
      for (const item of items.values()) {
        const isMeant = key === undefined ? item.state === 'waiting' || item.state === 'sending' : item.key === key;
        if (!isMeant) continue;
        items.delete(item.key);
        aborts.get(item.key)?.abort();
      }
      announce();
    },
    clearFinished() {
      for (const item of items.values()) {
        if (item.state === 'done' || item.state === 'failed') items.delete(item.key);
      }
      announce();
    },
    getItems: () => snapshot,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
