import { z } from 'zod';
import {
  type AssertionDeps,
  defineAssertion,
  type JudgeAgreement,
  passIf,
  quoteShortly,
  requireAnswer,
} from '../assertion.ts';
import { DEFAULT_AGREEMENT, type RubricLabel, rubricLabelsSchema } from '../rubric-labels.ts';
import { measureKappa } from '../statistics.ts';

type Score = AssertionDeps['scoreContinuation'];

/**
 * A judge never sees which system wrote an answer, and is always the base alone: an adapter must not judge itself. Both
 * outcomes are tokens of one text, so their likelihoods compare.
 */
function writeJudgement(criterion: string, answer: string): string {
  return `A reviewer reads an answer and says whether it meets a criterion.\n\nCriterion: ${criterion}\nAnswer: ${answer.replaceAll(/\s+/g, ' ')}\nDoes the answer meet the criterion? The reviewer says:`;
}

/** @throws Error when a likelihood is no number */
async function judge(score: Score, criterion: string, answer: string): Promise<boolean> {
  const prefix = writeJudgement(criterion, answer);
  const [yes, no] = await Promise.all(
    [' Yes', ' No'].map(async (word) => {
      const logprobs = await score('base', prefix, word);
      return logprobs.length === 0 ? Number.NaN : logprobs.reduce((sum, value) => sum + value, 0);
    }),
  );
  if (!(Number.isFinite(yes) && Number.isFinite(no))) throw new Error('the judge gave no number');
  return (yes ?? 0) > (no ?? 0);
}

/**
 * How far the judge and people say the same of labelled answers. It is asked of each, one after the other.
 * @throws Error when a likelihood is no number
 */
export async function measureAgreement(
  score: Score,
  criterion: string,
  labels: readonly RubricLabel[],
): Promise<JudgeAgreement> {
  const opinions: boolean[] = [];
  for (const label of labels) opinions.push(await judge(score, criterion, label.answer));
  const people = labels.map(({ isMet }) => isMet);
  return {
    agreed: people.filter((isMet, index) => isMet === opinions[index]).length,
    kappa: measureKappa(people, opinions),
  };
}

/**
 * The base model says whether the answer meets a criterion in words. Its opinion counts only after it has been shown, on
 * answers that people have labelled, to agree with them beyond chance: otherwise the case is errored, never passed.
 * @see Cohen, Educational and Psychological Measurement 20 (1960), for κ
 */
export const rubric = defineAssertion({
  type: 'rubric',
  schema: z.strictObject({
    type: z.literal('rubric'),
    /** One sentence that is true or not, e.g. `The answer names a next step.` */
    criterion: z.string().trim().min(1).max(500),
    /** Answers of the kind that will be judged, as people have judged them. */
    labels: rubricLabelsSchema,
    /** Cohen's κ of judge and people: 0 is chance, 1 is full agreement. */
    minAgreement: z.number().min(0.5).max(1).default(DEFAULT_AGREEMENT),
  }),
  async check({ criterion, labels, minAgreement }, context) {
    const answer = requireAnswer(context);
    const { agreed, kappa } = await context.deps.rememberAgreement(JSON.stringify(['rubric', criterion, labels]), () =>
      measureAgreement(context.deps.scoreContinuation, criterion, labels),
    );
    const shown = `agrees with people on ${agreed} of ${labels.length} labelled answers (κ ${kappa.toFixed(2)}, at least ${minAgreement} is asked for)`;
    if (!(kappa >= minAgreement)) {
      throw new Error(
        `the judge ${shown}, so its opinion does not count. Say the criterion with other assertions, or use a larger base model`,
      );
    }
    if (answer.ownText.trim() === '') return passIf(false, 'Nothing was written.');
    const isMet = await judge(context.deps.scoreContinuation, criterion, answer.ownText);
    return passIf(
      isMet,
      `The judge says that ${quoteShortly(answer.ownText)} ${isMet ? 'meets' : 'does not meet'} “${criterion}”; it ${shown}.`,
    );
  },
});
