import { z } from 'zod';
import { type AssertionContext, defineAssertion, passIf } from '../assertion.ts';

/** Mean natural-log probability of a token of `text` after the case's question. */
async function measureMean(context: AssertionContext, model: string, text: string): Promise<number> {
  const logprobs = await context.deps.scoreContinuation(model, context.question, text);
  if (logprobs.length === 0) throw new Error('the text has no tokens to score');
  return logprobs.reduce((sum, value) => sum + value, 0) / logprobs.length;
}

/**
 * The model still finds a reference text likely after the question: its mean log-probability a token has fallen below the
 * base's by no more than a bound. Shows forgetting long before answers change.
 */
export const likelihood = defineAssertion({
  type: 'likelihood',
  schema: z.strictObject({
    type: z.literal('likelihood'),
    text: z.string().min(1).max(4000),
    /** Nats a token; 0.5 makes a typical token a third less likely. */
    maxLoss: z.number().min(0).max(20).default(0.5),
  }),
  async check({ text, maxLoss }, context) {
    const own = await measureMean(context, context.model, text);
    const base = context.model === 'base' ? own : await measureMean(context, 'base', text);
    return passIf(
      base - own <= maxLoss,
      `${own.toFixed(2)} nats a token, the base ${base.toFixed(2)}; a loss of at most ${maxLoss} is allowed.`,
    );
  },
});
