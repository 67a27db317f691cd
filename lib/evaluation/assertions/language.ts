import { eld } from 'eld/medium';
import { z } from 'zod';
import { chooseText, defineAssertion, passIf, quoteShortly, scopeSchema } from '../assertion.ts';

/** Fewer letters tell no language: part numbers, names, one word. */
const MIN_LETTERS = 20;

/** The answer is written in this language. */
export const language = defineAssertion({
  type: 'language',
  schema: z.strictObject({
    type: z.literal('language'),
    /** ISO 639-1, e.g. `en`. */
    value: z.string().regex(/^[a-z]{2}$/, 'use a two-letter code such as en'),
    scope: scopeSchema,
  }),
  check({ value, scope }, context) {
    const text = chooseText(context, scope);
    const letters = text.replaceAll(/\P{L}/gu, '').length;
    if (letters === 0) return passIf(false, 'Nothing was written.');
    if (letters < MIN_LETTERS)
      throw new Error(`${letters} letters are too few to tell a language: ${quoteShortly(text)}`);
    const found = eld.detect(text).language;
    return passIf(found === value, `Expected the language ${value}, found ${found === '' ? 'none' : found}.`);
  },
});
