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

export interface RowTools {
  /** Tokens (base model) of each text. */
  readonly countTokens: (texts: readonly string[]) => Promise<readonly number[]>;
  /** Tokens of a whole conversation, template included. */
  readonly countConversation: (messages: readonly TrainingMessage[]) => number;
}

const SMALL_PROMPT = 'grounded-1';
const MARKED_PROMPT = 'instruct-1';
/** What the rows are prompted with. */
export const PROMPT_VERSIONS: readonly string[] = [SMALL_PROMPT, MARKED_PROMPT];
const defaults = answerConfigSchema.parse({});
/** Share of rows in which the passage with the answer was found first; else it is anywhere. On the product's search it is more. */
const GOLD_FIRST_SHARE = 0.6;
/** Questions of one conversation, the last of which may be without an answer. */
const TURNS = 5;

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

/** Other passages, the one that speaks most of the question first: what a search would bring beside the right one. */
function findNeighbours(question: string, pool: readonly AskedPassage[], count: number): AskedPassage[] {
  const sources = pool.map((passage, index) => toSource(passage, index));
  const numbers = [...new Set(rankSentences(question, sources).map(({ source }) => source.number))];
  return numbers.slice(0, count).flatMap((number) => pool[number] ?? []);
}

function pick<T>(items: readonly T[], random: () => number): T | undefined {
  return items[Math.floor(random() * items.length)];
}

/**
 * One question as the product asks it: four passages, cut to the sentences that speak most of the question. Where that cut
 * loses the answer, refusing is right, and learned.
 * @param gold the passage that answers, or null for a question that must be refused
 */
export async function buildSingleRow(
  { question, answers }: Question,
  gold: AskedPassage | null,
  pool: readonly AskedPassage[],
  tools: RowTools,
  random: () => number,
): Promise<GroundedRow> {
  const others = pool.filter((passage) => passage !== gold && !holdsAnswer(passage.text, answers));
  const found = findNeighbours(question, others, defaults.topK - (gold === null ? 0 : 1));
  if (gold !== null) found.splice(random() < GOLD_FIRST_SHARE ? 0 : Math.floor(random() * (found.length + 1)), 0, gold);
  const passages = await packPassages(
    question,
    found.map((passage, index) => toSource(passage, index + 1)),
    { budgetTokens: defaults.sourceTokenBudget, limit: defaults.promptPassages },
    tools.countTokens,
  );
  const { messages } = findPromptTemplate(SMALL_PROMPT).build({ question, passages, instructions: '' });
  const seen = passages.map(({ title, text }) => `${title} ${text}`).join(' ');
  const answer = answers.find((text) => holdsAnswer(seen, [text])) ?? NO_ANSWER;
  return {
    messages: [...messages, { role: 'assistant', content: gold === null ? NO_ANSWER : answer }],
    document: gold?.title ?? found[0]?.title ?? '',
  };
}

/**
 * Several questions over the same passages, as turns: the passages are read once, which makes a row of five questions cost
 * as much as two of one. Only the first turn is exactly what the product asks; the later ones repeat its last line.
 * @param isMarked with numbered passages, each answer ending in its passage's number
 * @returns as many turns as fit; none when the first does not
 */
export function buildConversation(
  gold: AskedPassage,
  others: readonly AskedPassage[],
  questions: readonly Question[],
  isMarked: boolean,
  maxTokens: number,
  tools: RowTools,
  random: () => number,
): GroundedRow {
  const template = findPromptTemplate(isMarked ? MARKED_PROMPT : SMALL_PROMPT);
  const passages = shuffle([gold, ...others], random).map(
    (passage, index): Passage => ({ number: index + 1, title: titlePassage(toSource(passage, 0)), text: passage.text }),
  );
  const goldNumber = passages.find(({ text }) => text === gold.text)?.number ?? 1;
  const messages: TrainingMessage[] = [];
  for (const { question, answers } of questions) {
    const isFirst = messages.length === 0;
    const built = template.build({ question, passages: isFirst ? passages : [], instructions: '' }).messages;
    const asked = isFirst ? built : built.slice(-1).map(({ role, content }) => ({ role, content: content.trim() }));
    const [answer] = answers;
    const said = answer === undefined ? NO_ANSWER : isMarked ? `${answer} [${goldNumber}]` : answer;
    const turn: TrainingMessage[] = [...asked, { role: 'assistant', content: said }];
    if (tools.countConversation([...messages, ...turn]) > maxTokens) break;
    messages.push(...turn);
  }
  return { messages, document: gold.title };
}

/** How many rows of each kind. */
export interface Mixture {
  readonly articleConversations: number;
  readonly articleMarkedConversations: number;
  readonly articleSingles: number;
  readonly articleRefusals: number;
  readonly policyConversations: number;
  readonly policySingles: number;
  readonly ownConversations: number;
  readonly ownMarkedConversations: number;
  readonly ownSingles: number;
}

export interface Collections {
  readonly articles: readonly AskedPassage[];
  readonly policies: readonly AskedPassage[];
  readonly own: readonly AskedPassage[];
}

/** A question of another passage of the same document that this one does not answer: the hard kind. */
function borrowQuestion(gold: AskedPassage, pool: readonly AskedPassage[], random: () => number): Question | undefined {
  const candidates = pool
    .filter((passage) => passage !== gold && passage.title === gold.title)
    .flatMap(({ questions }) => questions)
    .filter(({ answers }) => answers.length > 0 && !holdsAnswer(gold.text, answers));
  const found = pick(candidates, random);
  return found && { question: found.question, answers: [] };
}

function chooseTurns(gold: AskedPassage, pool: readonly AskedPassage[], random: () => number): Question[] {
  const answered = shuffle(
    gold.questions.filter(({ answers }) => answers.length > 0),
    random,
  );
  const unanswered = gold.questions.filter(({ answers }) => answers.length === 0);
  const refused = pick(unanswered, random) ?? borrowQuestion(gold, pool, random);
  const turns = answered.slice(0, refused === undefined ? TURNS : TURNS - 1);
  if (refused !== undefined) turns.splice(Math.floor(random() * (turns.length + 1)), 0, refused);
  return turns;
}

/** @returns rows in a fixed order; the trainer shuffles */
export async function buildGroundedRows(
  collections: Collections,
  mixture: Mixture,
  options: { readonly seed: number; readonly maxTokens: number },
  tools: RowTools,
): Promise<GroundedRow[]> {
  const random = createRandom(options.seed);
  const rows: GroundedRow[] = [];
  const converse = (
    passages: readonly AskedPassage[],
    pool: readonly AskedPassage[],
    isMarked: boolean,
    otherCount: number,
  ) => {
    for (const gold of passages) {
      const turns = chooseTurns(gold, pool, random);
      const [first] = turns;
      if (first === undefined) continue;
      const asked = turns.flatMap(({ answers }) => answers);
      // Neither may another passage answer, nor a question that has none here.
      const free = pool.filter(
        (other) => other !== gold && !holdsAnswer(other.text, asked) && other.title !== gold.title,
      );
      const others = shuffle([...free], random)
        .filter(({ text }) => text.length < 450)
        .slice(0, otherCount);
      const row = buildConversation(gold, others, turns, isMarked, options.maxTokens, tools, random);
      if (row.messages.length > 0) rows.push(row);
    }
  };
  const single = async (asked: readonly (readonly [Question, AskedPassage])[], pool: readonly AskedPassage[]) => {
    for (const [question, gold] of asked) rows.push(await buildSingleRow(question, gold, pool, tools, random));
  };
  const list = (passages: readonly AskedPassage[]) =>
    shuffle(
      passages.flatMap((passage) => passage.questions.map((question) => [question, passage] as const)),
      random,
    );

  const articles = shuffle([...collections.articles], random);
  const { articleConversations: talks, articleMarkedConversations: marked } = mixture;
  converse(articles.slice(0, talks), collections.articles, false, 0);
  converse(articles.slice(talks, talks + marked), collections.articles, true, 0);
  // Passages that no conversation is about come first; where more rows are wanted, theirs are asked once more by themselves.
  const asked = [...list(articles.slice(talks)), ...list(articles.slice(0, talks))];
  await single(asked.slice(0, mixture.articleSingles), collections.articles);
  for (const [question, gold] of list(articles).slice(0, mixture.articleRefusals)) {
    const rest = collections.articles.filter((passage) => passage !== gold);
    rows.push(await buildSingleRow(question, null, rest, tools, random));
  }

  const policies = shuffle([...collections.policies], random);
  converse(policies.slice(0, mixture.policyConversations), [], false, 0);
  let wanted = mixture.policySingles;
  for (const [question, gold] of list(policies.slice(mixture.policyConversations))) {
    if (wanted === 0) break;
    const row = await buildSingleRow(question, gold, collections.policies, tools, random);
    // Questions on policies are vague: where the cut lost the marked words, others may answer as well.
    if (row.messages.at(-1)?.content === NO_ANSWER) continue;
    rows.push(row);
    wanted -= 1;
  }

  const own = shuffle([...collections.own], random);
  converse(own.slice(0, mixture.ownConversations), collections.own, false, 0);
  converse(own.slice(-mixture.ownMarkedConversations), collections.own, true, 1);
  await single(list(own).slice(0, mixture.ownSingles), collections.own);
  return rows;
}
