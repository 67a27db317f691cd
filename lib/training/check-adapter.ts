import type { ChatMessage, RuntimeClient } from '#lib/runtime/runtime-port.ts';
import { CANARY_SECRET } from './training-prompts.ts';
import type { CanaryReport } from './training-record.ts';

/** Longer than the answers that adapters learn; an answer that has not ended by then counts as one without an end. */
const ANSWER_TOKENS = 96;
/** What chat templates write between messages. In an answer it is the template talking on. */
const templateMarker = /<\|[a-z_]+\|>|<\/s>|<(?:start|end)_of_turn>|\[\/?INST\]|<<\/?SYS>>/i;
/** Words of a system prompt in a row that nobody says by chance. */
const LEAKED_WORDS = 12;
/** A stretch of so many words repeated at once so many times is a loop. */
const LOOP_REPEATS = 4;
const LONGEST_LOOP_WORDS = 12;

export interface CanaryAnswer {
  readonly text: string;
  readonly hasEnded: boolean;
}

const toWords = (text: string) => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

/** Whether an answer carries what only the prompt may: template markers, or the system message. */
export function isLeaking(answer: string, prompt: readonly ChatMessage[]): boolean {
  if (templateMarker.test(answer) || answer.includes(CANARY_SECRET)) return true;
  const said = ` ${toWords(answer).join(' ')} `;
  const system = toWords(prompt.find(({ role }) => role === 'system')?.content ?? '');
  for (let start = 0; start + LEAKED_WORDS <= system.length; start++)
    if (said.includes(` ${system.slice(start, start + LEAKED_WORDS).join(' ')} `)) return true;
  return false;
}

/** Whether an answer ends in the same few words over and over. */
export function isLooping(answer: string): boolean {
  const words = toWords(answer);
  for (let length = 1; length <= LONGEST_LOOP_WORDS; length++) {
    const needed = length * Math.max(LOOP_REPEATS, Math.ceil(8 / length));
    if (needed > words.length) break;
    const tail = words.slice(-needed);
    if (tail.every((word, index) => word === tail[index % length])) return true;
  }
  return false;
}

/**
 * Compare what base and adapter answered to the same prompts.
 * @param likelihood mean losses on held-out rows, where there are any
 */
export function judgeCanary(
  prompts: readonly (readonly ChatMessage[])[],
  ofBase: readonly CanaryAnswer[],
  ofAdapter: readonly CanaryAnswer[],
  likelihood: { readonly baseLoss: number; readonly adapterLoss: number } | null,
): CanaryReport {
  const count = (answers: readonly CanaryAnswer[], test: (answer: CanaryAnswer, index: number) => boolean) =>
    answers.filter(test).length;
  const leaks = ({ text }: CanaryAnswer, index: number) => isLeaking(text, prompts[index] ?? []);
  const loops = ({ text }: CanaryAnswer) => isLooping(text);
  const counts = {
    prompts: prompts.length,
    changed: count(ofAdapter, ({ text }, index) => text !== ofBase[index]?.text),
    endedByBase: count(ofBase, ({ hasEnded }) => hasEnded),
    endedByAdapter: count(ofAdapter, ({ hasEnded }) => hasEnded),
    leakedByBase: count(ofBase, leaks),
    leakedByAdapter: count(ofAdapter, leaks),
    loopedByBase: count(ofBase, loops),
    loopedByAdapter: count(ofAdapter, loops),
    emptyByAdapter: count(ofAdapter, ({ text }) => text.trim() === ''),
  };
  const reasons: string[] = [];
  if (counts.changed === 0)
    reasons.push(
      `It changes nothing: all ${counts.prompts} answers are those of the base. Train longer, or with a higher learning rate; when the validation loss never fell, the best step is the base itself.`,
    );
  if (counts.endedByAdapter === 0 && counts.endedByBase > 0)
    reasons.push(
      `It no longer ends its answers: none of ${counts.prompts} ended by itself, ${counts.endedByBase} of the base's did. The data may lack whole answers, or the learning rate was too high.`,
    );
  if (counts.leakedByAdapter > counts.leakedByBase)
    reasons.push(
      `It gives away the prompt: ${counts.leakedByAdapter} of ${counts.prompts} answers repeat the chat template or the instructions (${counts.leakedByBase} with the base).`,
    );
  if (counts.loopedByAdapter > counts.loopedByBase && counts.loopedByAdapter * 2 > counts.prompts)
    reasons.push(`It goes round in circles: ${counts.loopedByAdapter} of ${counts.prompts} answers repeat themselves.`);
  if (counts.emptyByAdapter * 2 > counts.prompts)
    reasons.push(`It says nothing: ${counts.emptyByAdapter} of ${counts.prompts} answers are empty.`);
  if (likelihood !== null && !(likelihood.adapterLoss <= likelihood.baseLoss))
    reasons.push(
      `It finds the held-out answers less likely than the base does: ${likelihood.adapterLoss.toFixed(3)} nats a token, ${likelihood.baseLoss.toFixed(3)} with the base. It learned its rows by heart, or the learning rate was too high.`,
    );
  return { ...counts, reasons };
}

/** Greedy, so that a difference is the adapter's and not chance. */
async function answerAll(
  runtime: Pick<RuntimeClient, 'streamChat'>,
  model: string,
  prompts: readonly (readonly ChatMessage[])[],
  signal: AbortSignal,
): Promise<CanaryAnswer[]> {
  const answers: CanaryAnswer[] = [];
  for (const messages of prompts) {
    const { text, reason } = await answerOnce(runtime, { model, messages, maxTokens: ANSWER_TOKENS }, signal);
    answers.push({ text, hasEnded: reason === 'stop' });
  }
  return answers;
}

/** One answer in whole, behind everything that people wait for. @throws the signal's reason when it aborts */
export async function answerOnce(
  runtime: Pick<RuntimeClient, 'streamChat'>,
  request: { readonly model: string; readonly messages: readonly ChatMessage[]; readonly maxTokens: number },
  signal: AbortSignal,
): Promise<{ readonly text: string; readonly reason: 'stop' | 'length' | 'abort' }> {
  let text = '';
  let reason: 'stop' | 'length' | 'abort' = 'abort';
  for await (const chunk of runtime.streamChat({ ...request, temperature: 0 }, { signal, priority: 'evaluation' })) {
    if (chunk.type === 'text-delta') text += chunk.text;
    else reason = chunk.reason;
  }
  signal.throwIfAborted();
  return { text, reason };
}

/**
 * The canary: an adapter answers beside the base before it may become a version. It must change something and break nothing.
 * @param adapterSha256 loaded in the runtime
 */
export async function checkAdapter(
  runtime: Pick<RuntimeClient, 'streamChat'>,
  adapterSha256: string,
  prompts: readonly (readonly ChatMessage[])[],
  likelihood: { readonly baseLoss: number; readonly adapterLoss: number } | null,
  signal: AbortSignal,
): Promise<CanaryReport> {
  const ofBase = await answerAll(runtime, 'base', prompts, signal);
  const ofAdapter = await answerAll(runtime, adapterSha256, prompts, signal);
  return judgeCanary(prompts, ofBase, ofAdapter, likelihood);
}
