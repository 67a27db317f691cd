import type { Source, SourcePart } from './chat.ts';

type PlacedSource = Pick<Source, 'pageNumber' | 'startOffset' | 'endOffset' | 'parts'>;

/** A stretch of a page: offsets in the page's text, and in the source's. */
export interface PagePlace {
  readonly pageNumber: number;
  readonly start: number;
  readonly end: number;
  readonly textStart: number;
  readonly textEnd: number;
}

/** The pieces of a source's text, one a page, in order; never none. */
export function listSourceParts(source: PlacedSource): readonly SourcePart[] {
  const { pageNumber, startOffset, endOffset, parts = [] } = source;
  return parts.length > 0 ? parts : [{ pageNumber, startOffset, endOffset, textStart: 0 }];
}

/**
 * Where a stretch of a source's text stands: one place for each page that it touches.
 * @param start in the source's text, UTF-16 code units
 * @param end exclusive
 */
export function locateInSource(source: PlacedSource, start: number, end: number): PagePlace[] {
  return listSourceParts(source).flatMap(({ pageNumber, startOffset, endOffset, textStart }) => {
    const from = Math.max(start, textStart);
    const to = Math.min(end, textStart + endOffset - startOffset);
    if (from >= to) return [];
    const shift = startOffset - textStart;
    return [{ pageNumber, start: from + shift, end: to + shift, textStart: from, textEnd: to }];
  });
}

/** "page 7", or "pages 7–8". */
export function describePages(places: readonly { readonly pageNumber: number }[]): string {
  const numbers = places.map(({ pageNumber }) => pageNumber);
  const [first, last] = [Math.min(...numbers), Math.max(...numbers)];
  return first === last ? `page ${first}` : `pages ${first}–${last}`;
}
