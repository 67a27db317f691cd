import type { ManualPassage } from '#db/repositories/manual-passages.ts';
import { listWords } from '#lib/domain/list-words.ts';
import type { ChatMessage, RuntimeClient } from '#lib/runtime/runtime-port.ts';
import { checkSupport, findForeignNumbers, meanOf, measureContainment } from './check-support.ts';
import type { PlannedQuestion } from './plan-questions.ts';

/** Questions that the workspace's own model writes about its documents, and its answers to them. */

/** A question as the product asks the model, with passages, and what the model may write. */
export interface ComposedPrompt {
  readonly messages: readonly ChatMessage[];
  readonly stop: readonly string[];
}

export interface QuestionDeps {
  readonly runtime: Pick<RuntimeClient, 'streamChat' | 'scoreContinuation'>;
  /** The product's own prompt over these passages, best first. */
  readonly composePrompt: (question: string, passages: readonly ManualPassage[]) => Promise<ComposedPrompt>;
}

/** Passages beside the right one, as a search would bring. */
const OTHER_PASSAGES = 2;
const MAX_QUESTION_TOKENS = 40;
const MAX_ANSWER_TOKENS = 48;
const MIN_QUESTION_WORDS = 4;
const MAX_QUESTION_WORDS = 30;

/** Makes the small model write questions, not comments: its own kind of turn, twice shown. Invented devices. */
const EXAMPLES: readonly (readonly [sentence: string, question: string])[] = [
  [
    'Charge the Atlas drill for 90 minutes before first use.',
    'How long must the Atlas drill be charged before first use?',
  ],
  ['Refunds are paid within 14 days after the parcel has come back.', 'When are refunds paid?'],
];

const ask = (text: string) => `Sentence: ${text}\nWrite one short question that this sentence answers.`;

function askForQuestion(title: string, sentence: string): ChatMessage[] {
  return [
    ...EXAMPLES.flatMap(([text, question]): ChatMessage[] => [
      { role: 'user', content: ask(text) },
      { role: 'assistant', content: question },
    ]),
    { role: 'user', content: ask(sentence) + (title === '' ? '' : ` It is from “${title}”.`) },
  ];
}

/** The first question of what the model wrote; null when there is none worth asking. */
export function readQuestion(written: string, sentence: string): string | null {
  const line = written.replace(/^\s*(?:(?:question|q)\s*\d*\s*[:.-]\s*)?["“]?/i, '');
  const end = line.indexOf('?');
  if (end === -1) return null;
  const question = line
    .slice(0, end + 1)
    .replaceAll(/\s+/g, ' ')
    .trim();
  const words = listWords(question);
  if (words.length < MIN_QUESTION_WORDS || words.length > MAX_QUESTION_WORDS) return null;
  // A question that holds the whole sentence gives its answer away; one that shares nothing asks for something else.
  const asked = measureContainment(question, sentence);
  return asked === 0 || measureContainment(sentence, question) > 0.9 ? null : question;
}

/** The first sentence of what the model wrote, without marks around it. */
export function readAnswer(written: string): string {
  return (written.trim().split('\n')[0] ?? '')
    .replace(/^(?:answer|a)\s*:\s*/i, '')
    .replace(/^["“](.*)["”]$/, '$1')
    .trim();
}

async function collectText(
  { runtime }: Pick<QuestionDeps, 'runtime'>,
  prompt: ComposedPrompt,
  maxTokens: number,
  signal: AbortSignal,
): Promise<string> {
  let text = '';
  const request = { messages: prompt.messages, model: 'base', temperature: 0, maxTokens, stop: prompt.stop };
  for await (const chunk of runtime.streamChat(request, { signal, priority: 'ingestion' })) {
    if (chunk.type === 'text-delta') text += chunk.text;
  }
  // A stream that is aborted ends like any other; what it has said so far is no answer.
  signal.throwIfAborted();
  return text;
}

/** @returns null: the model wrote no question about the statement that is worth asking */
export async function writeQuestion(
  deps: Pick<QuestionDeps, 'runtime'>,
  { passage, sentence }: Pick<PlannedQuestion, 'passage' | 'sentence'>,
  signal: AbortSignal,
): Promise<string | null> {
  const asked = { messages: askForQuestion(passage.documentTitle, sentence), stop: ['\n'] };
  return readQuestion(await collectText(deps, asked, MAX_QUESTION_TOKENS, signal), sentence);
}

export interface WrittenAnswer {
  /** What the model was asked, passages included. */
  readonly messages: readonly ChatMessage[];
  readonly answer: string;
  /** What the statement does not bear out of it, in words; null: it bears it out. */
  readonly unsupported: string | null;
}

/**
 * Let the model answer a question over the passage that it was made from and others that a search would bring, and hold the answer
 * against the statement.
 * @param passages what the others are chosen from
 * @returns null: it wrote nothing
 */
export async function writeAnswer(
  deps: QuestionDeps,
  input: {
    readonly question: string;
    readonly plan: Pick<PlannedQuestion, 'passage' | 'sentence'>;
    readonly passages: readonly ManualPassage[];
  },
  signal: AbortSignal,
): Promise<WrittenAnswer | null> {
  const { question, plan, passages } = input;
  const others = chooseOthers(plan, passages, OTHER_PASSAGES, false);
  const prompt = await deps.composePrompt(question, [plan.passage, ...others]);
  const answer = readAnswer(await collectText(deps, prompt, MAX_ANSWER_TOKENS, signal));
  if (answer === '') return null;
  const gain = await measureGain(deps, prompt, question, answer, signal);
  const unsupported = checkSupport(answer, plan.sentence, gain) ?? findLostQuote(prompt, plan.sentence);
  return { messages: prompt.messages, answer, unsupported };
}

/**
 * The question over passages that do not answer it.
 * @returns null: there are none
 */
export async function composeUnanswerable(
  deps: Pick<QuestionDeps, 'composePrompt'>,
  input: {
    readonly question: string;
    readonly plan: Pick<PlannedQuestion, 'passage' | 'sentence'>;
    readonly passages: readonly ManualPassage[];
  },
): Promise<ComposedPrompt | null> {
  const foreign = chooseOthers(input.plan, input.passages, OTHER_PASSAGES + 1, true);
  return foreign.length === 0 ? null : deps.composePrompt(input.question, foreign);
}

/** The prompt is cut to a budget; where that took the quote out, the model cannot know the answer. */
function findLostQuote({ messages }: ComposedPrompt, sentence: string): string | null {
  const shown = messages.filter(({ role }) => role !== 'system').map(({ content }) => content);
  return measureContainment(sentence, shown.join('\n')) > 0.9 ? null : 'the prompt has no room for the quote';
}

/** Passages of the same document, or of another for a refusal, that do not hold the answer. */
function chooseOthers(
  { passage, sentence }: Pick<PlannedQuestion, 'passage' | 'sentence'>,
  passages: readonly ManualPassage[],
  count: number,
  isForeign: boolean,
): ManualPassage[] {
  const lacksAnswer = (other: ManualPassage) =>
    measureContainment(sentence, other.text) < 0.7 || findForeignNumbers(sentence, other.text).length > 0;
  const others = passages.filter((other) => other.chunkId !== passage.chunkId && lacksAnswer(other));
  const sameDocument = others.filter((other) => other.documentId === passage.documentId);
  const elsewhere = others.filter((other) => other.documentId !== passage.documentId);
  const pool = isForeign && elsewhere.length > 0 ? elsewhere : sameDocument;
  // Nearest in words: what a search would have brought.
  return pool
    .map((other) => ({ other, shared: measureContainment(sentence, other.text) }))
    .sort((a, b) => b.shared - a.shared)
    .slice(0, count)
    .map(({ other }) => other);
}

async function measureGain(
  { runtime }: Pick<QuestionDeps, 'runtime'>,
  prompt: ComposedPrompt,
  question: string,
  answer: string,
  signal: AbortSignal,
): Promise<number> {
  const score = async (messages: readonly ChatMessage[]) => {
    const request = { messages, continuation: answer, model: 'base' };
    const { tokenLogprobs } = await runtime.scoreContinuation(request, { signal, priority: 'ingestion' });
    return meanOf(tokenLogprobs);
  };
  return (await score(prompt.messages)) - (await score([{ role: 'user', content: question }]));
}
