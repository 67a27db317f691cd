import { z } from 'zod';
import { chooseText, defineAssertion, holdsWords, quoteShortly, scopeSchema } from '../assertion.ts';

/** Every one of these stands in the answer, as whole words. The score is the share that does. */
export const contains = defineAssertion({
  type: 'contains',
  schema: z.strictObject({
    type: z.literal('contains'),
    values: z.array(z.string().trim().min(1).max(1000)).min(1).max(50),
    scope: scopeSchema,
  }),
  check({ values, scope }, context) {
    const text = chooseText(context, scope);
    const missing = values.filter((value) => !holdsWords(text, value));
    return {
      isPassed: missing.length === 0,
      score: 1 - missing.length / values.length,
      reason:
        missing.length === 0
          ? `Says ${values.map(quoteShortly).join(' and ')}.`
          : `Does not say ${missing.map(quoteShortly).join(' nor ')}; it says ${quoteShortly(text)}.`,
    };
  },
});
