import type { Citation, Source } from '#lib/domain/chat.ts';

const marker = /\s?\[(\d{1,2}(?:\s*,\s*\d{1,2})*)\]/g;
/** The beginning of a marker whose end has not arrived. */
const openMarker = /\s?\[[\d\s,]*$/;

/**
 * Read an answer that is still being written: the model's own `[1]` become citations of the whole passage, so that they are
 * clickable at once. The server's checked answer replaces all of it.
 */
export function readDraft(
  draft: string,
  sources: readonly Source[],
): { readonly text: string; readonly citations: readonly Citation[] } {
  const complete = draft.replace(openMarker, '');
  const citations: Citation[] = [];
  let text = '';
  let position = 0;
  for (const match of complete.matchAll(marker)) {
    const numbers = (match[1] ?? '').split(',').map(Number);
    const known = numbers.flatMap((number) => sources.find((source) => source.number === number) ?? []);
    if (known.length === 0) continue;
    text += complete.slice(position, match.index);
    position = match.index + match[0].length;
    for (const source of known) {
      citations.push({
        sourceNumber: source.number,
        answerStart: 0,
        answerEnd: text.length,
        quoteStart: 0,
        quoteEnd: source.text.length,
        quote: source.text,
        origin: 'model',
      });
    }
  }
  return { text: text + complete.slice(position), citations };
}
