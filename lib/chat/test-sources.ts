import type { Source } from '#lib/domain/chat.ts';

/** A source for tests of this folder: only what the test names differs from the plain one. */
export function createTestSource(values: Partial<Source> & { readonly text: string }): Source {
  return {
    number: 1,
    documentId: 'document-1',
    versionId: 'version-1',
    chunkId: `chunk-${values.number ?? 1}`,
    documentTitle: 'Pump manual',
    pageNumber: 1,
    startOffset: 0,
    endOffset: values.text.length,
    headings: [],
    score: 0.03,
    similarity: 0.6,
    ...values,
  };
}
