/** Where a passage stands, and its words. Offsets in UTF-16 code units into the page's text, end exclusive. */
export interface PassagePlace {
  readonly documentId: string;
  readonly versionId: string;
  readonly pageNumber: number;
  readonly startOffset: number;
  readonly endOffset: number;
  readonly text: string;
}

/** Half of the shorter one: chunks of another size that hold the marked place still count as it. */
const SAME_OVERLAP = 0.5;
/** In another edition the place has moved; most of the words have to be there. */
const SAME_WORDS = 0.7;

const listWords = (text: string) => new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []);

/**
 * Whether a chunk is the passage that someone marked, though the index or the document's version may have changed since: by place
 * in the same version, by words in another one.
 */
export function isSamePassage(chunk: PassagePlace, marked: PassagePlace): boolean {
  if (chunk.documentId !== marked.documentId) return false;
  if (chunk.versionId === marked.versionId) {
    if (chunk.pageNumber !== marked.pageNumber) return false;
    const shared = Math.min(chunk.endOffset, marked.endOffset) - Math.max(chunk.startOffset, marked.startOffset);
    const shorter = Math.min(chunk.endOffset - chunk.startOffset, marked.endOffset - marked.startOffset);
    return shorter > 0 && shared >= SAME_OVERLAP * shorter;
  }
  const [own, wanted] = [listWords(chunk.text), listWords(marked.text)];
  const shared = [...own].filter((word) => wanted.has(word)).length;
  const fewer = Math.min(own.size, wanted.size);
  return fewer > 0 && shared >= SAME_WORDS * fewer;
}
