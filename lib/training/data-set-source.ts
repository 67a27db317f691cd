import type { Authorized } from '#lib/domain/access.ts';

/** What training asks of data sets: frozen versions and their rows. */
export const splits = ['train', 'validation', 'held-out'] as const;
export type Split = (typeof splits)[number];

export interface FrozenMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface FrozenRow {
  readonly split: Split;
  /** What the row is about, where somebody said so. */
  readonly intent: string | null;
  /** `manual`: written from a document's passage. Others come from conversations or people. */
  readonly isFromManual: boolean;
  readonly messages: readonly FrozenMessage[];
}

/** A version that can be trained on. */
export interface FrozenDataSet {
  readonly versionId: string;
  /** Of the data set. */
  readonly name: string;
  readonly number: number;
  readonly sha256: string;
  readonly rowCounts: Readonly<Record<Split, number>>;
  /** ISO 8601. */
  readonly createdAt: string;
}

/** What went into a version, for the lineage of what is trained on it. */
export interface DataSetSources {
  readonly documents: readonly { readonly documentId: string; readonly title: string }[];
  readonly conversationIds: readonly string[];
}

export interface DataSetSource {
  /** Versions of this workspace, newest first. */
  list(access: Authorized<'dataset.read'>): Promise<readonly FrozenDataSet[]>;
  /** @throws AppError `dataset.not-found` */
  find(access: Authorized<'dataset.read'>, versionId: string): Promise<FrozenDataSet>;
  /** In their frozen order. */
  readRows(access: Authorized<'dataset.read'>, versionId: string): AsyncIterable<FrozenRow>;
  readSources(access: Authorized<'dataset.read'>, versionId: string): Promise<DataSetSources>;
}
