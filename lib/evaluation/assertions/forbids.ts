import { z } from 'zod';
import { chooseText, defineAssertion, holdsWords, passIf, quoteShortly, scopeSchema } from '../assertion.ts';

/** None of these stands in the answer: secrets, other brands, words that the house does not use. */
export const forbids = defineAssertion({
  type: 'forbids',
  schema: z.strictObject({
    type: z.literal('forbids'),
    values: z.array(z.string().trim().min(1).max(1000)).min(1).max(200),
    // What the reader sees must be free of them, whoever wrote it.
    scope: scopeSchema.unwrap().default('all'),
  }),
  check({ values, scope }, context) {
    const text = chooseText(context, scope);
    const found = values.filter((value) => holdsWords(text, value));
    return passIf(
      found.length === 0,
      found.length === 0 ? 'Says nothing that is forbidden.' : `Says ${found.map(quoteShortly).join(' and ')}.`,
    );
  },
});
