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

/** A sentence that denies what the question does not answers its opposite: "Device, not registered | 24 months". */
const NEGATION_PENALTY = 0.15;
const negations = new Set(['not', 'no', 'never', 'without', 'neither', 'nor', 'cannot']);
const hasNegation = (keys: readonly string[]) => keys.some((key) => negations.has(key));

/**
 * Sentences of the passages that speak most of the question's words, best first. Rare words weigh more; the passage's rank
 * breaks ties, so with nothing in common the first passage's first sentence leads.
 */
export function rankSentences(question: string, sources: readonly Source[]): Quote[] {
  const questionWords = findWords(question).map((word) => word.key);
  const isDenialAsked = hasNegation(questionWords);
  const asked = new Set(questionWords.filter(isContentWord).map(stemWord));
  const sentences = sources.flatMap((source, rank) =>
    findSentences(source.text)
      .filter((span) => span.end - span.start <= MAX_SENTENCE_CHARACTERS)
      .map((span, position) => {
        const keys = findWords(source.text, span).map((word) => word.key);
        const stems = new Set(keys.map(stemWord));
        return { source, span, rank, position, stems, isDenial: hasNegation(keys) };
      }),
  );
  const frequency = new Map<string, number>();
  for (const { stems } of sentences) for (const stem of stems) frequency.set(stem, (frequency.get(stem) ?? 0) + 1);
  const weigh = (stem: string) =>
    (/\d/.test(stem) ? CODE_WEIGHT : 1) * Math.log(1 + sentences.length / ((frequency.get(stem) ?? 0) + 0.5));
  const total = [...asked].reduce((sum, stem) => sum + weigh(stem), 0);
  return sentences
    .map(({ source, span, rank, position, stems, isDenial }) => {
      const found = [...asked].filter((stem) => stems.has(stem)).reduce((sum, stem) => sum + weigh(stem), 0);
      // Headings ("4.2 Torque") hold the words and not the answer.
      const isFragment = stems.size < 4;
      const penalty = 0.005 * position + (isFragment ? 0.4 : 0) + (isDenial && !isDenialAsked ? NEGATION_PENALTY : 0);
      const score = (total === 0 ? 0 : found / total) + 0.25 / (rank + 1) - penalty;
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
