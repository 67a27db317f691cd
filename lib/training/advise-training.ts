import type { TrainConfig } from '#lib/lora/train/train-config.ts';
import type { RowProfile } from './profile-rows.ts';

export interface TrainingAdvice {
  readonly code:
    | 'few-rows'
    | 'one-intent'
    | 'rows-too-long'
    | 'beyond-context'
    | 'knowledge-by-retrieval'
    | 'prompt-would-do'
    | 'repeated-answers'
    | 'no-validation'
    | 'no-held-out'
    | 'few-steps'
    | 'many-passes';
  /** `warn`: the result will probably disappoint. */
  readonly tone: 'info' | 'warn';
  readonly text: string;
}

/** Below, an adapter learns the rows and not the voice: instruction tuning shows style from about a hundred good rows on. */
const FEW_ROWS = 60;
/** Below, the rows fit into a prompt as examples. */
const PROMPT_ROWS = 15;
const DOMINANT_SHARE = 0.6;
const MANUAL_SHARE = 0.8;
const REPEATED_SHARE = 0.3;
const FEW_STEPS = 10;
/** Passes over a data set beyond which its rows are mostly learned by heart. */
const MANY_PASSES = 6;

const percent = (share: number) => `${Math.round(share * 100)} %`;

/**
 * What these rows and options will probably come to, from counts alone: no model is asked.
 * @param steps as planned; null when the plan could not be made
 */
export function adviseTraining(
  profile: RowProfile,
  config: TrainConfig,
  facts: { readonly contextTokens: number; readonly steps: number | null },
): TrainingAdvice[] {
  const rows = profile.counts.train;
  const advice: TrainingAdvice[] = [];
  const add = (code: TrainingAdvice['code'], tone: TrainingAdvice['tone'], text: string) =>
    advice.push({ code, tone, text });

  if (rows < PROMPT_ROWS)
    add(
      'prompt-would-do',
      'warn',
      `${rows} training rows fit into a prompt. Put two or three of them into the workspace's instructions first; train when that does not suffice.`,
    );
  else if (rows < FEW_ROWS)
    add(
      'few-rows',
      'warn',
      `${rows} training rows are few: the adapter will learn these rows rather than the way they are written. ${FEW_ROWS} and more generalise.`,
    );

  const [top] = [...profile.intents].sort(([, a], [, b]) => b - a);
  if (top && rows >= PROMPT_ROWS && top[1] / rows >= DOMINANT_SHARE)
    add(
      'one-intent',
      'warn',
      `${percent(top[1] / rows)} of the rows are about “${top[0]}”. The adapter will answer other questions in that manner too; add rows about other things or take some of these away.`,
    );

  const tooLong = profile.lengths.filter(({ tokens }) => tokens > config.sequenceTokens);
  const beyond = profile.lengths.filter(({ tokens }) => tokens > facts.contextTokens);
  if (beyond.length > 0)
    add(
      'beyond-context',
      'warn',
      `${beyond.length} rows are longer than the ${facts.contextTokens} tokens that the base can read. Shorten them: they cannot be learned or served.`,
    );
  if (tooLong.length > beyond.length)
    add(
      'rows-too-long',
      tooLong.length / rows > 0.1 ? 'warn' : 'info',
      `${tooLong.length} of ${rows} rows are longer than a sequence of ${config.sequenceTokens} tokens and will be left out. The longest has about ${Math.max(...tooLong.map(({ tokens }) => tokens))}.`,
    );

  if (rows > 0 && profile.manualRows / rows >= MANUAL_SHARE)
    add(
      'knowledge-by-retrieval',
      'info',
      `${percent(profile.manualRows / rows)} of the rows come from manuals. What a manual says is found by retrieval and cited; an adapter that learned it by heart can neither cite it nor forget it. Train for the way of answering, and mix in conversations.`,
    );
  if (rows >= PROMPT_ROWS && profile.repeatedAnswers / rows >= REPEATED_SHARE)
    add(
      'repeated-answers',
      'warn',
      `${percent(profile.repeatedAnswers / rows)} of the rows share their answer with another row, word for word. The adapter will say it to everything; keep one of each.`,
    );
  if (profile.counts.validation === 0)
    add(
      'no-validation',
      'warn',
      'Without validation rows nobody sees when learning turns into memorising: the adapter will be the last step, not the best, and patience has no effect.',
    );
  if (profile.counts['held-out'] === 0)
    add('no-held-out', 'info', 'Without held-out rows the result is not compared with the base on unseen rows.');
  if (facts.steps !== null && facts.steps < FEW_STEPS)
    add(
      'few-steps',
      'warn',
      `${facts.steps} steps are hardly a beginning. Lower the accumulation, or raise the passes.`,
    );
  const passes = config.maxSteps === null ? config.epochs : null;
  if (passes !== null && passes > MANY_PASSES && config.patience === 0)
    add(
      'many-passes',
      'warn',
      `${passes} passes without patience will learn the rows by heart. Set a patience, or fewer passes.`,
    );
  return advice;
}
