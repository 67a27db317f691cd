import { z } from 'zod';
import { chooseText, defineAssertion, quoteShortly, scopeSchema } from '../assertion.ts';

/** The answer means about the same as a reference: cosine similarity of their embeddings. */
export const similar = defineAssertion({
  type: 'similar',
  schema: z.strictObject({
    type: z.literal('similar'),
    value: z.string().trim().min(1).max(4000),
    /** Cosine, 0 to 1. Sentences that say the same lie above 0.7, of one subject above 0.4 (MiniLM). */
    threshold: z.number().min(0).max(1).default(0.7),
    scope: scopeSchema,
  }),
  async check({ value, threshold, scope }, context) {
    const text = chooseText(context, scope).trim();
    if (text === '') return { isPassed: false, score: 0, reason: 'Nothing was written.' };
    const [a, b] = await context.deps.embedTexts([text, value]);
    if (a === undefined || b === undefined || a.length !== b.length)
      throw new Error('the embedding model gave no pair');
    const cosine = a.reduce((sum, each, index) => sum + each * (b[index] ?? 0), 0);
    return {
      isPassed: cosine >= threshold,
      score: Math.min(1, Math.max(0, cosine)),
      reason: `Similarity ${cosine.toFixed(2)} to ${quoteShortly(value)}; at least ${threshold} is expected.`,
    };
  },
});
