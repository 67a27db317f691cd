import type { Chunk } from '#db/repositories/chunks.ts';

/** Between the parts of a heading path. */
const PATH_SEPARATOR = ' › ';

/**
 * What is embedded and indexed for a chunk: the document's title and the headings above it, then its text. A passage often
 * does not say what it is about; its headings do.
 */
export function composeSearchText(documentTitle: string, chunk: Pick<Chunk, 'headings' | 'text'>): string {
  const path = [documentTitle, ...chunk.headings.filter((heading) => !chunk.text.startsWith(heading))];
  return `${path.join(PATH_SEPARATOR)}\n${chunk.text}`;
}
