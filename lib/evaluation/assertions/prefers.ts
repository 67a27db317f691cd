import { z } from 'zod';
import { defineAssertion } from '../assertion.ts';

/**
 * Of several continuations of the question the model finds the right one likeliest: mean log-probability a token, so that
 * length is no advantage. Multiple choice without asking a small model to name a letter.
 */
export const prefers = defineAssertion({
  type: 'prefers',
  schema: z
    .strictObject({
      type: z.literal('prefers'),
      choices: z.array(z.string().min(1).max(2000)).min(2).max(10),
      /** Index into `choices`. */
      correct: z.number().int().min(0),
      /** Where the beginnings differ and the ending is shared (Winogrande): what stands before each choice's ending. */
      prefixes: z.array(z.string().min(1).max(4000)).optional(),
    })
    .refine((spec) => spec.correct < spec.choices.length, 'correct names no choice')
    .refine(
      (spec) => spec.prefixes === undefined || spec.prefixes.length === spec.choices.length,
      'one prefix a choice',
    ),
  async check({ choices, correct, prefixes }, context) {
    const means: number[] = [];
    for (const [index, choice] of choices.entries()) {
      const prefix = prefixes?.[index] ?? context.question;
      const logprobs = await context.deps.scoreContinuation(context.model, prefix, choice);
      if (logprobs.length === 0) throw new Error(`choice ${index + 1} has no tokens to score`);
      means.push(logprobs.reduce((sum, value) => sum + value, 0) / logprobs.length);
    }
    if (means.some((mean) => !Number.isFinite(mean))) throw new Error('a log-probability is no number');
    const best = means.indexOf(Math.max(...means));
    const right = Math.exp(means[correct] ?? Number.NEGATIVE_INFINITY);
    // Share of the right choice among all, as a score that moves before the order does.
    const total = means.reduce((sum, mean) => sum + Math.exp(mean), 0);
    return {
      isPassed: best === correct,
      score: total === 0 ? 0 : right / total,
      reason:
        best === correct
          ? `Finds “${choices[best] ?? ''}” likeliest.`
          : `Finds “${choices[best] ?? ''}” likelier than “${choices[correct] ?? ''}”.`,
    };
  },
});
