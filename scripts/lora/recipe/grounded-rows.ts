/**
 * Training rows of the adapter `grounded-answers`: questions over passages in the product's own prompts, answered with the
 * passage's own words, and refused where the passages do not tell. Everything follows from the files and the seed.
 */

import { rankSentences } from '#lib/chat/extract-answer.ts';
import { packPassages } from '#lib/chat/pack-passages.ts';
import { findPromptTemplate, NO_ANSWER, type Passage, titlePassage } from '#lib/chat/prompt.ts';
import { answerConfigSchema } from '#lib/domain/answer-config.ts';
import type { Source } from '#lib/domain/chat.ts';
import type { TrainingMessage } from '#lib/lora/data/tokenizer.ts';
import { createRandom, shuffle } from '#lib/lora/train/random.ts';
import { squashWords } from '#lib/retrieval/document-mention.ts';

export interface Question {
  readonly question: string;
  /** Slices of the passage; empty where it does not tell. */
  readonly answers: readonly string[];
}

/** A passage with the questions that were asked of it. */
export interface AskedPassage {
  readonly title: string;
  readonly headings: readonly string[];
  readonly text: string;
  readonly questions: readonly Question[];
}

export interface GroundedRow {
  readonly messages: readonly TrainingMessage[];
  /** The document that the row was made from, for the split. */
  readonly document: string;
}

/** Tokens (base model) of each text. */
export type CountTokens = (texts: readonly string[]) => Promise<readonly number[]>;

const SMALL_PROMPT = 'grounded-1';
const MARKED_PROMPT = 'instruct-1';
/** What the rows are prompted with. */
export const PROMPT_VERSIONS: readonly string[] = [SMALL_PROMPT, MARKED_PROMPT];
const defaults = answerConfigSchema.parse({});
/** Share of rows in which the passage with the answer was found first; else it is any of those shown. On the product's search it is more. */
const GOLD_FIRST_SHARE = 0.6;
/** Questions tried for each row of those whose answer is often lost. */
const TRIES = 3;
/** Later passes over a question draw its neighbours from this many times as many passages as are shown. */
const NEIGHBOUR_REACH = 3;

function toSource({ title, headings, text }: AskedPassage, number: number): Source {
  const id = `${title}#${text.length}`;
  return {
    number,
    documentId: title,
    versionId: title,
    chunkId: id,
    documentTitle: title,
    pageNumber: 1,
    startOffset: 0,
    endOffset: text.length,
    headings: [...headings],
    text,
    score: 1,
    similarity: null,
  };
}

const normalise = (text: string) => ` ${squashWords(text)} `;
/** Whether one of the answers stands in the text, as whole words. */
export const holdsAnswer = (text: string, answers: readonly string[]) =>
  answers.some((answer) => normalise(text).includes(normalise(answer)));

function pick<T>(items: readonly T[], random: () => number): T | undefined {
  return items[Math.floor(random() * items.length)];
}

/**
 * Other passages, the one that speaks most of the question first: what a search would bring beside the right one.
 * @param random null for the nearest; else the draw among those that lie near
 */
function findNeighbours(
  question: string,
  pool: readonly AskedPassage[],
  count: number,
  random: (() => number) | null,
): AskedPassage[] {
  const sources = pool.map((passage, index) => toSource(passage, index));
  const numbers = [...new Set(rankSentences(question, sources).map(({ source }) => source.number))];
  const drawn = random === null ? numbers : shuffle(numbers.slice(0, count * NEIGHBOUR_REACH), random);
  const near = drawn.slice(0, count);
  return numbers.filter((number) => near.includes(number)).flatMap((number) => pool[number] ?? []);
}

export interface RowOptions {
  readonly countTokens: CountTokens;
  readonly random: () => number;
  /** Whether the neighbours are drawn, so that the same question stands among others than before. */
  readonly isDrawn: boolean;
  /** Whether the passages are numbered and the answer names its own. */
  readonly isMarked: boolean;
}

/**
 * One question as the product asks it: four passages, cut to the sentences that speak most of the question. Where that cut
 * loses the answer, refusing is right, and learned.
 * @param gold the passage that answers, or null for a question that must be refused
 */
export async function buildRow(
  { question, answers }: Question,
  gold: AskedPassage | null,
  pool: readonly AskedPassage[],
  { countTokens, random, isDrawn, isMarked }: RowOptions,
): Promise<GroundedRow> {
  const others = pool.filter((passage) => passage !== gold && !holdsAnswer(passage.text, answers));
  const found = findNeighbours(question, others, defaults.topK - (gold === null ? 0 : 1), isDrawn ? random : null);
  const places = Math.min(found.length + 1, defaults.promptPassages);
  if (gold !== null) found.splice(random() < GOLD_FIRST_SHARE ? 0 : Math.floor(random() * places), 0, gold);
  const passages = await packPassages(
    question,
    found.map((passage, index) => toSource(passage, index + 1)),
    { budgetTokens: defaults.sourceTokenBudget, limit: defaults.promptPassages },
    countTokens,
  );
  const template = findPromptTemplate(isMarked ? MARKED_PROMPT : SMALL_PROMPT);
  const { messages } = template.build({ question, passages, instructions: '' });
  const told = gold === null ? [] : answers.flatMap((answer) => findTold(passages, answer));
  const [answered] = told;
  const said = answered && (isMarked ? `${answered.answer} [${answered.number}]` : answered.answer);
  return {
    messages: [...messages, { role: 'assistant', content: said ?? NO_ANSWER }],
    document: gold?.title ?? found[0]?.title ?? '',
  };
}

/** The answer with the number of the passage that holds it; none where the cut lost it. */
function findTold(
  passages: readonly Passage[],
  answer: string,
): { readonly answer: string; readonly number: number }[] {
  const holder = passages.find(({ title, text }) => holdsAnswer(`${title} ${text}`, [answer]));
  return holder === undefined ? [] : [{ answer, number: holder.number }];
}

/** A question of another passage of the same document that this one does not answer: the hard kind. */
function borrowQuestion(
  gold: AskedPassage,
  shown: string,
  pool: readonly AskedPassage[],
  random: () => number,
): Question[] {
  const candidates = pool
    .filter((passage) => passage !== gold && passage.title === gold.title)
    .flatMap(({ questions }) => questions)
    .filter(({ answers }) => answers.length > 0 && !holdsAnswer(shown, answers));
  const found = pick(candidates, random);
  return found === undefined ? [] : [{ question: found.question, answers: [] }];
}

/** Share of passages that are read beside a sentence of another one. */
const COMPANY_SHARE = 0.5;
const COMPANY_CHARACTERS = 250;

/** The sentence of another passage that comes nearest to one of the questions and answers none of them. */
function chooseCompany(gold: AskedPassage, pool: readonly AskedPassage[], random: () => number): Passage[] {
  const asked = pick(gold.questions, random);
  if (asked === undefined || random() >= COMPANY_SHARE) return [];
  const answers = gold.questions.flatMap((question) => question.answers);
  const sources = pool
    .filter((passage) => passage !== gold && !holdsAnswer(passage.text, answers))
    .map((passage, index) => toSource(passage, index + 1));
  const best = rankSentences(asked.question, sources).find(({ span }) => span.end - span.start <= COMPANY_CHARACTERS);
  if (best === undefined) return [];
  const { source, span } = best;
  return [{ number: 0, title: titlePassage(source), text: source.text.slice(span.start, span.end) }];
}

/**
 * All questions on one passage, each a row of its own. They begin alike, so the trainer reads the passage once for all of
 * them (lib/lora/data/shared-prefix.ts): ten questions cost as much as two that are asked by themselves.
 */
export function buildPassageRows(
  gold: AskedPassage,
  pool: readonly AskedPassage[],
  random: () => number,
): GroundedRow[] {
  const own: Passage = { number: 1, title: titlePassage(toSource(gold, 1)), text: gold.text };
  const passages = shuffle([own, ...chooseCompany(gold, pool, random)], random);
  const shown = passages.map(({ title, text }) => `${title} ${text}`).join(' ');
  return [...gold.questions, ...borrowQuestion(gold, shown, pool, random)].map(({ question, answers }) => ({
    messages: [
      ...findPromptTemplate(SMALL_PROMPT).build({ question, passages, instructions: '' }).messages,
      { role: 'assistant', content: answers[0] ?? NO_ANSWER },
    ],
    document: gold.title,
  }));
}

/** How many rows of each kind. Where there are fewer questions, each is asked again beside other passages. */
export interface Mixture {
  /** Passages of articles, and of our own, of which all questions are asked. */
  readonly articlePassages: number;
  readonly ownPassages: number;
  readonly articleRows: number;
  /** Questions of articles whose passage is taken away. */
  readonly articleRefusals: number;
  /** Policies and our own passages: fewer where not so many questions keep their answer. */
  readonly policyRows: number;
  /** Some of these questions have no answer. */
  readonly ownRows: number;
  /** Share of the rows, those of whole passages apart, that number their passages. */
  readonly markedShare: number;
}

export interface Collections {
  readonly articles: readonly AskedPassage[];
  readonly policies: readonly AskedPassage[];
  readonly own: readonly AskedPassage[];
}

type Asked = readonly [question: Question, passage: AskedPassage];

/** Pass after pass over all questions, each in another order. */
function* repeat(
  passages: readonly AskedPassage[],
  count: number,
  random: () => number,
): Generator<readonly [Asked, pass: number]> {
  const all = passages.flatMap((passage) => passage.questions.map((question): Asked => [question, passage]));
  let left = all.length === 0 ? 0 : count;
  for (let pass = 0; left > 0; pass++)
    for (const asked of shuffle([...all], random).slice(0, left)) {
      yield [asked, pass];
      left -= 1;
    }
}

/** @returns rows in a fixed order; the trainer shuffles */
export async function buildGroundedRows(
  { articles, policies, own }: Collections,
  mixture: Mixture,
  seed: number,
  countTokens: CountTokens,
): Promise<GroundedRow[]> {
  const random = createRandom(seed);
  const rows: GroundedRow[] = [];
  const build = (question: Question, gold: AskedPassage | null, pool: readonly AskedPassage[], pass: number) =>
    buildRow(question, gold, pool, {
      countTokens,
      random,
      isDrawn: pass > 0,
      isMarked: random() < mixture.markedShare,
    });

  for (const [passages, count] of [
    [articles, mixture.articlePassages],
    [own, mixture.ownPassages],
  ] as const)
    for (const gold of shuffle([...passages], random).slice(0, count))
      rows.push(...buildPassageRows(gold, passages, random));
  for (const [[question, gold], pass] of repeat(articles, mixture.articleRows, random))
    rows.push(await build(question, gold, articles, pass));
  for (const [[question, gold], pass] of repeat(articles, mixture.articleRefusals, random)) {
    const rest = articles.filter((passage) => passage !== gold);
    rows.push(await build(question, null, rest, pass));
  }
  for (const [passages, count] of [
    [policies, mixture.policyRows],
    [own, mixture.ownRows],
  ] as const) {
    let left = count;
    for (const [[question, gold], pass] of repeat(passages, count * TRIES, random)) {
      if (left === 0) break;
      const row = await build(question, gold, passages, pass);
      // These ask in other words than their passages, so the cut loses many answers: as refusals they would be too many.
      if (question.answers.length > 0 && row.messages.at(-1)?.content === NO_ANSWER) continue;
      rows.push(row);
      left -= 1;
    }
  }
  return rows;
}
