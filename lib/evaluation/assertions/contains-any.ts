import { z } from 'zod';
import { chooseText, defineAssertion, holdsWords, passIf, quoteShortly, scopeSchema } from '../assertion.ts';

/** At least one of these stands in the answer, as whole words: other spellings of one fact. */
export const containsAny = defineAssertion({
  type: 'contains-any',
  schema: z.strictObject({
    type: z.literal('contains-any'),
    values: z.array(z.string().trim().min(1).max(1000)).min(1).max(50),
    scope: scopeSchema,
  }),
  check({ values, scope }, context) {
    const text = chooseText(context, scope);
    const found = values.find((value) => holdsWords(text, value));
    return passIf(
      found !== undefined,
      found === undefined
        ? `Says none of ${values.map(quoteShortly).join(', ')}; it says ${quoteShortly(text)}.`
        : `Says ${quoteShortly(found)}.`,
    );
  },
});
