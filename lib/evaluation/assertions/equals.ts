import { z } from 'zod';
import { chooseText, defineAssertion, foldText, passIf, quoteShortly, scopeSchema } from '../assertion.ts';

const strip = (each: string) => foldText(each).replace(/[.!]$/, '');

/** The whole answer is this text; case, blanks and a full stop at the end make no difference. */
export const equals = defineAssertion({
  type: 'equals',
  schema: z.strictObject({ type: z.literal('equals'), value: z.string().min(1).max(4000), scope: scopeSchema }),
  check({ value, scope }, context) {
    const text = chooseText(context, scope);
    return passIf(strip(text) === strip(value), `Expected exactly ${quoteShortly(value)}, got ${quoteShortly(text)}.`);
  },
});
