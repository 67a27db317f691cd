import type { Citation, Source } from '#lib/domain/chat.ts';
import { citeVerbatim } from './cite.ts';
import { findSentences, findWords, isContentWord, type Span, stemWord } from './words.ts';

export interface Quote {
  readonly source: Source;
  readonly span: Span;
  readonly score: number;
}

/** Longest sentence that is quoted; longer ones are tables or broken extraction, and their source is shown anyway. */
const MAX_SENTENCE_CHARACTERS = 600;

/** A code or number that is asked for (`E14`) outweighs all that surrounds it: the head of its table says "code" and "meaning" too. */
const CODE_WEIGHT = 3;

/** A sentence that denies a word that the question only asks for answers its opposite: "Device, not registered | 24 months". */
const NEGATION_PENALTY = 0.15;
const negations = new Set(['not', 'no', 'never', 'without', 'neither', 'nor', 'cannot']);

/** A heading that speaks of what is asked speaks for each line below it, if less than the line's own words. So does the head of a table. */
const HEADING_WEIGHT = 0.6;

/** Between the cells of a row, as extraction writes tables. */
const CELL_BORDER = ' | ';

/** First rows of the tables in a text. A chunk that goes on with a table has its head among the headings instead. */
function findTableHeads(text: string): string[] {
  const lines = text.split('\n');
  return lines.filter((line, at) => line.includes(CELL_BORDER) && lines[at - 1]?.includes(CELL_BORDER) !== true);
}

/** Questions that a number answers, and what a sentence with one that was not in the question gains. */
const NUMBER_WANTED =
  /\bhow (?:many|much|long|often|far|heavy|large|big|high|deep|fast|old)\b|^when\b|\b(?:what|which) (?:year|date|percentage|percent|number)\b|\b(?:order number|price|fee|cost|weight|speed)\b/i;
const NUMBER_BONUS = 0.2;

const collectStems = (lines: readonly string[]) =>
  new Set(findWords(lines.join('\n')).map((word) => stemWord(word.key)));

/**
 * Sentences of the passages that speak most of the question's words, best first. Rare words weigh more; the passage's rank
 * breaks ties, so with nothing in common the first passage's first sentence leads.
 *
 * On the demo's 40 questions the first sentence holds the answer in 65 %, the first three in 90 %; on 306 questions over
 * encyclopedia articles in 76 and 90. Headings and numbers give the manual 8 and 10 points and the articles, which have no
 * headings, nothing. A penalty for any negation anywhere would cost the articles 2.
 */
export function rankSentences(question: string, sources: readonly Source[]): Quote[] {
  const questionWords = findWords(question).map((word) => word.key);
  const isDenialAsked = questionWords.some((key) => negations.has(key));
  const asked = new Set(questionWords.filter(isContentWord).map(stemWord));
  const isNumberWanted = NUMBER_WANTED.test(question.trim());
  const sentences = sources.flatMap((source, rank) => {
    const above = collectStems(source.headings);
    const aboveRows = collectStems([...source.headings, ...findTableHeads(source.text)]);
    return findSentences(source.text)
      .filter((span) => span.end - span.start <= MAX_SENTENCE_CHARACTERS)
      .map((span, position) => {
        const keys = findWords(source.text, span).map((word) => word.key);
        const stems = new Set(keys.map(stemWord));
        const hasNewNumber = keys.some((key) => /\d/.test(key) && !asked.has(key));
        const isDenial = keys.some((key, at) => asked.has(stemWord(key)) && negations.has(keys[at - 1] ?? ''));
        const headings = source.text.slice(span.start, span.end).includes(CELL_BORDER) ? aboveRows : above;
        return { source, span, rank, position, stems, headings, hasNewNumber, isDenial };
      });
  });
  const frequency = new Map<string, number>();
  for (const { stems } of sentences) for (const stem of stems) frequency.set(stem, (frequency.get(stem) ?? 0) + 1);
  const weigh = (stem: string) =>
    (/\d/.test(stem) ? CODE_WEIGHT : 1) * Math.log(1 + sentences.length / ((frequency.get(stem) ?? 0) + 0.5));
  const total = [...asked].reduce((sum, stem) => sum + weigh(stem), 0);
  return sentences
    .map(({ source, span, rank, position, stems, headings, hasNewNumber, isDenial }) => {
      const share = (stem: string) => (stems.has(stem) ? 1 : headings.has(stem) ? HEADING_WEIGHT : 0);
      const found = [...asked].reduce((sum, stem) => sum + share(stem) * weigh(stem), 0);
      // Headings ("4.2 Torque") hold the words and not the answer.
      const isFragment = stems.size < 4;
      const penalty = 0.005 * position + (isFragment ? 0.4 : 0) + (isDenial && !isDenialAsked ? NEGATION_PENALTY : 0);
      const bonus = 0.25 / (rank + 1) + (isNumberWanted && hasNewNumber ? NUMBER_BONUS : 0);
      const score = (total === 0 ? 0 : found / total) + bonus - penalty;
      return { source, span, score };
    })
    .sort((a, b) => b.score - a.score);
}

/**
 * An answer without a model: the best sentences of the passages, word for word, each cited.
 * @param limit sentences at most
 */
export function extractAnswer(
  question: string,
  sources: readonly Source[],
  limit = 3,
): { readonly text: string; readonly citations: readonly Citation[] } {
  const ranked = rankSentences(question, sources);
  const [best] = ranked;
  if (best === undefined) return { text: '', citations: [] };
  const chosen = ranked
    .filter((quote) => quote.score >= 0.6 * best.score)
    .slice(0, limit)
    .sort((a, b) => a.source.number - b.source.number || a.span.start - b.span.start);
  let text = '';
  const citations: Citation[] = [];
  for (const { source, span } of chosen) {
    if (text !== '') text += '\n\n';
    citations.push(citeVerbatim(source, span, text.length));
    text += source.text.slice(span.start, span.end);
  }
  return { text, citations };
}
