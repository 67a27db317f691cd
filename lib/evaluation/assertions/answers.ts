import { z } from 'zod';
import { defineAssertion, passIf, quoteShortly, requireAnswer } from '../assertion.ts';
import { findRefusal } from './refuses.ts';

/** Does not decline, and says something. */
export const answers = defineAssertion({
  type: 'answers',
  schema: z.strictObject({ type: z.literal('answers') }),
  check(_spec, context) {
    const { text } = requireAnswer(context);
    if (text.trim() === '') return passIf(false, 'Nothing was written.');
    const who = findRefusal(context);
    return passIf(who === null, who === null ? 'Answers.' : `Declines what it should answer: ${quoteShortly(text)}.`);
  },
});
