import type { DatabaseExecutor } from '#db/executor.ts';
import { listManualPassages, type ManualPassage } from '#db/repositories/row-sources.ts';
import type { RowMessage } from '#db/schema/data-sets.ts';
import { AppError } from '#lib/domain/errors.ts';
import type { RuntimeClient } from '#lib/runtime/runtime-port.ts';
import { checkSupport, findForeignNumbers, meanOf, measureContainment } from './check-support.ts';
import { importSettingsSchema } from './import-settings.ts';
import { listWords } from './min-hash.ts';
import type { Candidate, OpenRowSource } from './perform-import.ts';
import { type PlannedQuestion, planQuestions } from './plan-questions.ts';
import { joinTurns } from './row-content.ts';

/** A question as the product asks the model, with passages, and what the model may write. */
export interface ComposedPrompt {
  readonly messages: readonly RowMessage[];
  readonly stop: readonly string[];
}

export interface ManualDeps {
  readonly db: DatabaseExecutor;
  readonly runtime: Pick<RuntimeClient, 'streamChat' | 'scoreContinuation'>;
  /** The product's own prompt over these passages, best first. */
  readonly composePrompt: (question: string, passages: readonly ManualPassage[]) => Promise<ComposedPrompt>;
  /** What a refusing model says. */
  readonly noAnswer: string;
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

function askForQuestion(title: string, sentence: string): RowMessage[] {
  return [
    ...EXAMPLES.flatMap(([text, question]): RowMessage[] => [
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

/**
 * Question and answer rows from the workspace's manuals, written by its own model: a statement is chosen, the model writes a
 * question that it answers, then answers it over passages in the product's own prompt. The statement is the quote that the answer
 * is held against; what it does not bear out is flagged.
 * @throws AppError `dataset.no-passages`
 */
export function createManualSource(deps: ManualDeps): OpenRowSource {
  return async (access, { import: intake }, signal) => {
    const settings = importSettingsSchema.parse(intake.settings);
    if (settings.kind !== 'manuals') throw new TypeError(`expected manuals, got ${settings.kind}`);
    const passages = await listManualPassages(deps.db, access, settings.documentIds);
    const planned = planQuestions(passages, settings);
    if (planned.length === 0) throw nothingToAsk();
    return {
      stage: 'writing',
      total: planned.length,
      async *read(position): AsyncGenerator<Candidate> {
        for (const [index, plan] of planned.entries()) {
          if (index < position) continue;
          yield await writeRow(deps, plan, passages, index + 1, signal);
        }
      },
    };
  };
}

function nothingToAsk(): AppError {
  return new AppError({
    code: 'dataset.no-passages',
    message: 'no indexed passage holds a statement to ask about',
    userMessage:
      'No indexed document holds whole sentences to ask about. Add manuals first, or wait until they are indexed.',
  });
}

async function collectText(
  deps: ManualDeps,
  prompt: ComposedPrompt,
  maxTokens: number,
  signal: AbortSignal,
): Promise<string> {
  let text = '';
  const request = { messages: prompt.messages, model: 'base', temperature: 0, maxTokens, stop: prompt.stop };
  for await (const chunk of deps.runtime.streamChat(request, { signal, priority: 'ingestion' })) {
    if (chunk.type === 'text-delta') text += chunk.text;
  }
  return text;
}

async function writeRow(
  deps: ManualDeps,
  { kind, passage, sentence }: PlannedQuestion,
  passages: readonly ManualPassage[],
  position: number,
  signal: AbortSignal,
): Promise<Candidate> {
  const asked = { messages: askForQuestion(passage.documentTitle, sentence), stop: ['\n'] };
  const question = readQuestion(await collectText(deps, asked, MAX_QUESTION_TOKENS, signal), sentence);
  const skip = (reason: string): Candidate => ({ kind: 'empty', position, line: passage.pageNumber, reason });
  if (question === null) return skip(`of “${passage.documentTitle}”: the model wrote no question about a sentence`);
  const origin = {
    documentId: passage.documentId,
    documentVersionId: passage.versionId,
    pageNumber: passage.pageNumber,
    quote: sentence,
  };
  if (kind === 'refusal') {
    const foreign = chooseOthers(passage, sentence, passages, OTHER_PASSAGES + 1, true);
    if (foreign.length === 0) return skip(`of “${passage.documentTitle}”: no passage lacks the answer`);
    const { messages } = await deps.composePrompt(question, foreign);
    const turns: RowMessage[] = [...messages, { role: 'assistant', content: deps.noAnswer }];
    return { kind: 'row', position, messages: turns, intent: '', origin };
  }
  const prompt = await deps.composePrompt(question, [
    passage,
    ...chooseOthers(passage, sentence, passages, OTHER_PASSAGES, false),
  ]);
  const answer = readAnswer(await collectText(deps, prompt, MAX_ANSWER_TOKENS, signal));
  if (answer === '') return skip(`of “${passage.documentTitle}”: the model wrote no answer`);
  const gain = await measureGain(deps, prompt, question, answer, signal);
  const finding = checkSupport(answer, sentence, gain) ?? findLostQuote(prompt, sentence);
  return {
    kind: 'row',
    position,
    messages: [...prompt.messages, { role: 'assistant', content: answer }],
    intent: '',
    origin,
    ...(finding && { findings: [finding] }),
  };
}

/** The prompt is cut to a budget; where that took the quote out, the model cannot know the answer. */
function findLostQuote(prompt: ComposedPrompt, sentence: string) {
  if (measureContainment(sentence, joinTurns(prompt.messages)) > 0.9) return null;
  return { reason: 'unsupported', detail: 'the prompt has no room for the quote' };
}

/** Passages of the same document, or of another for a refusal, that do not hold the answer. */
function chooseOthers(
  passage: ManualPassage,
  sentence: string,
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
  deps: ManualDeps,
  prompt: ComposedPrompt,
  question: string,
  answer: string,
  signal: AbortSignal,
): Promise<number> {
  const score = async (messages: readonly RowMessage[]) => {
    const request = { messages, continuation: answer, model: 'base' };
    const { tokenLogprobs } = await deps.runtime.scoreContinuation(request, { signal, priority: 'ingestion' });
    return meanOf(tokenLogprobs);
  };
  return (await score(prompt.messages)) - (await score([{ role: 'user', content: question }]));
}
