import { z } from 'zod';
import { type AssertionContext, defineAssertion, passIf, quoteShortly, requireAnswer } from '../assertion.ts';
import { measureKappa } from '../statistics.ts';

/** Fewer labelled answers show no agreement, whatever share of them agrees. */
const MIN_LABELS = 20;
const MIN_LABELS_EACH = 5;

const labelSchema = z.strictObject({
  answer: z.string().trim().min(1).max(2000),
  /** What people said of this answer. */
  isMet: z.boolean(),
});

/**
 * A judge never sees which system wrote an answer, and is always the base alone: an adapter must not judge itself. Both
 * outcomes are tokens of one text, so their likelihoods compare.
 */
function writeJudgement(criterion: string, answer: string): string {
  return `A reviewer reads an answer and says whether it meets a criterion.\n\nCriterion: ${criterion}\nAnswer: ${answer.replaceAll(/\s+/g, ' ')}\nDoes the answer meet the criterion? The reviewer says:`;
}

/** @throws Error when a likelihood is no number */
async function judge(context: AssertionContext, criterion: string, answer: string): Promise<boolean> {
  const prefix = writeJudgement(criterion, answer);
  const [yes, no] = await Promise.all(
    [' Yes', ' No'].map(async (word) => {
      const logprobs = await context.deps.scoreContinuation('base', prefix, word);
      return logprobs.length === 0 ? Number.NaN : logprobs.reduce((sum, value) => sum + value, 0);
    }),
  );
  if (!(Number.isFinite(yes) && Number.isFinite(no))) throw new Error('the judge gave no number');
  return (yes ?? 0) > (no ?? 0);
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
    labels: z
      .array(labelSchema)
      .min(MIN_LABELS, `${MIN_LABELS} labelled answers are needed to know whether a judge agrees with people`)
      .max(200)
      .refine(
        (labels) =>
          [true, false].every((value) => labels.filter(({ isMet }) => isMet === value).length >= MIN_LABELS_EACH),
        `at least ${MIN_LABELS_EACH} labelled answers must meet the criterion, and as many must not`,
      ),
    /** Cohen's κ of judge and people: 0 is chance, 1 is full agreement. 0.6 is commonly called substantial. */
    minAgreement: z.number().min(0.5).max(1).default(0.6),
  }),
  async check({ criterion, labels, minAgreement }, context) {
    const answer = requireAnswer(context);
    const { agreed, kappa } = await context.deps.rememberAgreement(
      JSON.stringify(['rubric', criterion, labels]),
      async () => {
        const opinions: boolean[] = [];
        for (const label of labels) opinions.push(await judge(context, criterion, label.answer));
        const people = labels.map(({ isMet }) => isMet);
        return {
          agreed: people.filter((isMet, index) => isMet === opinions[index]).length,
          kappa: measureKappa(people, opinions),
        };
      },
    );
    const shown = `agrees with people on ${agreed} of ${labels.length} labelled answers (κ ${kappa.toFixed(2)}, at least ${minAgreement} is asked for)`;
    if (!(kappa >= minAgreement)) {
      throw new Error(
        `the judge ${shown}, so its opinion does not count. Say the criterion with other assertions, or use a larger base model`,
      );
    }
    if (answer.ownText.trim() === '') return passIf(false, 'Nothing was written.');
    const isMet = await judge(context, criterion, answer.ownText);
    return passIf(
      isMet,
      `The judge says that ${quoteShortly(answer.ownText)} ${isMet ? 'meets' : 'does not meet'} “${criterion}”; it ${shown}.`,
    );
  },
});
