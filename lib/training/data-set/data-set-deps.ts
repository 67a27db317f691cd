import type { ReadStream } from 'node:fs';
import type { DatabaseExecutor } from '#db/executor.ts';
import type { JobQueue } from '#lib/jobs/job-queue.ts';
import type { RuntimeClient } from '#lib/runtime/runtime-port.ts';

/** Files by the SHA-256 of their bytes, as `lib/ingestion/blob-store.ts` keeps them. */
export interface FileStore {
  put(
    stream: AsyncIterable<Uint8Array>,
    limits: { readonly maxBytes: number; readonly signal?: AbortSignal },
  ): Promise<{ readonly sha256: string; readonly sizeBytes: number }>;
  locate(sha256: string): string;
  measure(sha256: string): Promise<number | null>;
  read(sha256: string): ReadStream;
  remove(sha256: string): Promise<void>;
  listOlderThan(ageMs: number): Promise<string[]>;
  removeAbandonedUploads(ageMs: number): Promise<void>;
}

/** What use cases about data sets may touch. */
export interface DataSetDeps {
  readonly db: DatabaseExecutor;
  readonly queue: JobQueue;
  readonly runtime: Pick<RuntimeClient, 'countTokens' | 'embedTexts' | 'readStatus'>;
  /** Chat logs on their way in. */
  readonly dataSetUploads: FileStore;
  /** Frozen versions. */
  readonly dataSetFiles: FileStore;
}

/** Largest chat log, in bytes. */
export const MAX_CHAT_LOG_BYTES = 200_000_000;
/** Rows of one data set: what curation compares in memory. */
export const MAX_DATA_SET_ROWS = 50_000;
