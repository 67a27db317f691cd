import type { ManualPassage } from '#db/repositories/manual-passages.ts';
import { AppError } from '#lib/domain/errors.ts';

/** A sentence to ask about. */
export interface PlannedQuestion {
  /** `refusal`: the question is shown with passages that do not answer it. */
  readonly kind: 'answer' | 'refusal';
  readonly passage: ManualPassage;
  /** Stands word for word in the passage, line breaks as blanks. */
  readonly sentence: string;
}

const MIN_WORDS = 6;
const MAX_WORDS = 40;
const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' });

/** Whether a sentence states something that can be asked for: a whole sentence, no row of a table, no heading, no menu. */
function isStatement(sentence: string): boolean {
  const words = sentence.split(' ');
  if (words.length < MIN_WORDS || words.length > MAX_WORDS) return false;
  if (/[|…]|\.{3,}|:$|\?$/.test(sentence) || !/[.!]["”’)]?$/.test(sentence)) return false;
  return /^["“‘(]?[\p{Lu}\d]/u.test(sentence) && (sentence.match(/\p{L}/gu)?.length ?? 0) > sentence.length / 2;
}

/** Statements with a number, a code or a rule are what people ask manuals for. */
const weigh = (sentence: string) =>
  (/\d/.test(sentence) ? 2 : 0) +
  (/\b(?:must|never|always|only|before|after|means|is|are|within)\b/i.test(sentence) ? 1 : 0);

export function listStatements(text: string): readonly string[] {
  const paragraphs = text.split(/\n{2,}/).map((paragraph) => paragraph.replaceAll(/\s+/g, ' ').trim());
  return paragraphs
    .flatMap((paragraph) => [...segmenter.segment(paragraph)].map(({ segment }) => segment.trim()))
    .filter(isStatement);
}

/**
 * What will be asked, in order: one statement a passage, the weightiest, spread over the documents and over the pages of each;
 * then the next best statements, until there are enough. After every so many a refusal.
 * @param limits.refusalShare refusals as a share of answerable questions, 0 to 1
 */
export function planQuestions(
  passages: readonly ManualPassage[],
  limits: { readonly maxRows: number; readonly refusalShare: number },
): readonly PlannedQuestion[] {
  const rounds: PlannedQuestion[][] = [];
  const seen = new Set<string>();
  for (const passage of passages) {
    const statements = listStatements(passage.text).filter((sentence) => !seen.has(sentence));
    for (const sentence of statements) seen.add(sentence);
    for (const [round, sentence] of statements.toSorted((a, b) => weigh(b) - weigh(a)).entries()) {
      (rounds[round] ??= []).push({ kind: 'answer', passage, sentence });
    }
  }
  const ordered = rounds.flatMap((round) => spread(round, limits.maxRows)).slice(0, limits.maxRows);
  const planned: PlannedQuestion[] = [];
  let refusals = 0;
  for (const [index, question] of ordered.entries()) {
    planned.push(question);
    if (Math.floor((index + 1) * limits.refusalShare) > refusals) {
      refusals += 1;
      planned.push({ ...question, kind: 'refusal' });
    }
  }
  return planned;
}

export function nothingToAsk(): AppError {
  return new AppError({
    code: 'questions.no-statements',
    message: 'no indexed passage holds a statement to ask about',
    userMessage:
      'No indexed document holds whole sentences to ask about. Add manuals first, or wait until they are indexed.',
  });
}

/** Documents in turn, and of each every n-th passage first, so that few questions still reach its end. */
function spread(round: readonly PlannedQuestion[], wanted: number): PlannedQuestion[] {
  const byDocument = Map.groupBy(round, ({ passage }) => passage.documentId);
  const lists = [...byDocument.values()].map((list) => {
    const stride = Math.max(1, Math.floor((list.length * byDocument.size) / wanted));
    return Array.from({ length: stride }, (_, start) =>
      list.filter((_question, index) => index % stride === start),
    ).flat();
  });
  const longest = Math.max(0, ...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, index) => lists.flatMap((list) => list[index] ?? [])).flat();
}
