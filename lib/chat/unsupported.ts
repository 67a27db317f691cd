import type { Citation, Source, UnsupportedSpan } from '#lib/domain/chat.ts';
import { FactIndex, findFacts } from './facts.ts';
import { findSentences, findWords, isContentWord, type Span, stemWord } from './words.ts';

/** A sentence with fewer content words says too little to be called unsupported ("Yes, it does."). */
const MIN_SENTENCE_WORDS = 3;

/** Of a sentence with a wrong fact: the share of its words that the passages must hold for the fact alone to be marked. */
const MIN_KNOWN_SHARE = 0.6;

/** Capitalised words that are no names. */
const NOT_NAMES = new Set(
  'i yes no note warning caution danger january february march april may june july august september october november december monday tuesday wednesday thursday friday saturday sunday'.split(
    ' ',
  ),
);

const CAPITALISED = /(?<![\p{L}\p{N}])\p{Lu}[\p{L}\p{M}’'-]*(?:[ \t]+\p{Lu}[\p{L}\p{M}’'-]*)*/gu;

/**
 * Mark what no offered passage contains: numbers (with their units), codes, dates, names, and whole sentences that nothing
 * supports. Nothing is corrected: a code with exactly one near neighbour in the passages is marked and the neighbour named.
 * Passages vouch with their text, headings and document title.
 * @param text the final answer, without markers
 */
export function findUnsupported(
  text: string,
  sources: readonly Source[],
  citations: readonly Citation[],
): UnsupportedSpan[] {
  const support = sources.map((source) => [source.documentTitle, ...source.headings, source.text].join('\n'));
  const facts = new FactIndex(support);
  const knownWords = new Set(support.flatMap((piece) => findWords(piece).map((word) => word.key)));
  const knownStems = new Set([...knownWords].map(stemWord));
  const spans: UnsupportedSpan[] = [];

  const answerFacts = findFacts(text);
  for (const fact of answerFacts) {
    if (facts.has(fact)) continue;
    const nearest = fact.kind === 'code' ? facts.findNearestCode(fact.key) : null;
    spans.push({
      answerStart: fact.start,
      answerEnd: fact.end,
      kind: fact.kind,
      ...(nearest === null ? {} : { nearest }),
    });
  }

  const sentences = findSentences(text);
  for (const name of findNames(text, sentences)) {
    const words = findWords(text, name);
    if (words.every((word) => knownWords.has(word.key) || knownStems.has(stemWord(word.key)))) continue;
    if (answerFacts.some((fact) => fact.start < name.end && fact.end > name.start)) continue;
    spans.push({ answerStart: name.start, answerEnd: name.end, kind: 'name' });
  }

  for (const sentence of sentences) {
    const isCited = citations.some((c) => c.answerStart < sentence.end && c.answerEnd > sentence.start);
    if (isCited) continue;
    const content = findWords(text, sentence).filter((word) => isContentWord(word.key));
    if (content.length < MIN_SENTENCE_WORDS) continue;
    const isMarkedInside = spans.some((s) => s.answerStart >= sentence.start && s.answerEnd <= sentence.end);
    const known = content.filter((word) => knownStems.has(stemWord(word.key)));
    // One wrong number in a sentence that otherwise stands in the passages: the mark on the number says it.
    if (isMarkedInside && known.length >= MIN_KNOWN_SHARE * content.length) continue;
    const isMarkedWhole = spans.some((s) => s.answerStart === sentence.start && s.answerEnd === sentence.end);
    if (!isMarkedWhole) spans.push({ answerStart: sentence.start, answerEnd: sentence.end, kind: 'sentence' });
  }
  return spans.sort((a, b) => a.answerStart - b.answerStart || a.answerEnd - b.answerEnd);
}

/** Capitalised runs; a single capitalised word that opens a sentence is grammar, not a name. */
function findNames(text: string, sentences: readonly Span[]): Span[] {
  const starts = new Set(sentences.map((sentence) => sentence.start));
  const names: Span[] = [];
  for (const match of text.matchAll(CAPITALISED)) {
    let words = findWords(text, { start: match.index, end: match.index + match[0].length });
    if (starts.has(match.index)) words = words.slice(1);
    words = words.filter((word) => isContentWord(word.key) && !NOT_NAMES.has(word.key) && word.end - word.start > 1);
    const first = words[0];
    const last = words.at(-1);
    if (first !== undefined && last !== undefined) names.push({ start: first.start, end: last.end });
  }
  return names;
}
