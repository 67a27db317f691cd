import { RE2JS } from 're2js';
import { z } from 'zod';
import { chooseText, defineAssertion, passIf, quoteShortly, scopeSchema } from '../assertion.ts';

/**
 * A regular expression in RE2's syntax, which every text is matched with in time proportional to its length: a pattern that
 * would keep JavaScript's own engine busy for years costs nothing here. Look-around and back-references do not exist in it.
 */
export const matches = defineAssertion({
  type: 'matches',
  schema: z.strictObject({
    type: z.literal('matches'),
    pattern: z
      .string()
      .min(1)
      .max(1000)
      .superRefine((pattern, check) => {
        try {
          RE2JS.compile(pattern);
        } catch (error) {
          const why = error instanceof Error ? error.message : String(error);
          check.addIssue({ code: 'custom', message: `not a regular expression in RE2's syntax: ${why}` });
        }
      }),
    isCaseSensitive: z.boolean().default(false),
    /** True: the answer must not match. */
    isForbidden: z.boolean().default(false),
    scope: scopeSchema,
  }),
  check({ pattern, isCaseSensitive, isForbidden, scope }, context) {
    const text = chooseText(context, scope);
    const found = RE2JS.compile(pattern, isCaseSensitive ? 0 : RE2JS.CASE_INSENSITIVE)
      .matcher(text)
      .find();
    return passIf(
      found !== isForbidden,
      `${found ? 'Matches' : 'Does not match'} /${pattern}/${isForbidden ? ', which it must not' : ''}: ${quoteShortly(text)}.`,
    );
  },
});
