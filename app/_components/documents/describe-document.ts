import type { DocumentView } from '#lib/ingestion/read-documents.ts';

const stageNames: Readonly<Record<string, string>> = {
  extracting: 'Reading pages',
  splitting: 'Splitting',
  embedding: 'Embedding',
  indexing: 'Indexing',
};

export const nameStage = (stage: string | null) => (stage === null ? 'Starting' : (stageNames[stage] ?? stage));

/** 1000-based, as file managers count. */
export function formatSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ['kB', 'MB', 'GB'] as const;
  let value = bytes;
  let unit: string = 'B';
  for (const next of units) {
    if (value < 999.5) break;
    value /= 1000;
    unit = next;
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}

/** Something happens without the reader: worth looking again soon. */
export function isInMotion(document: Pick<DocumentView, 'state'>): boolean {
  return document.state === 'queued' || document.state === 'processing' || document.state === 'updating';
}
