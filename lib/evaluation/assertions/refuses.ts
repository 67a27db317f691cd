import { z } from 'zod';
import { type AssertionContext, defineAssertion, passIf, quoteShortly, requireAnswer } from '../assertion.ts';

/**
 * Words by which models decline: they do not know, the sources do not say, or they will not. A list, because it must be known
 * what counts: a judge model that errs would err unseen.
 */
const DECLINES =
  /\b(?:(?:do|does|did|could|can|will|would|may|must|am|is|are)(?:\s+not|n['’]t)|cannot|unable|refuse|decline|sorry|no\s+(?:information|answer|mention|passage|source)|nothing\s+in|not\s+(?:stated|mentioned|known|given|found|specified|contain|available|able|allowed)|unknown|against\s+my)\b/i;

/** How far into an answer a refusal begins, in characters: "It does not start" far down is part of an answer. */
const OPENING_CHARACTERS = 160;

/** @returns who declined; null: nobody did */
export function findRefusal(context: AssertionContext): 'product' | 'model' | null {
  const answer = requireAnswer(context);
  if (answer.kind === 'refusal') return 'product';
  return DECLINES.test(answer.ownText.slice(0, OPENING_CHARACTERS)) ? 'model' : null;
}

/** Declines to answer, by itself or through the product. */
export const refuses = defineAssertion({
  type: 'refuses',
  schema: z.strictObject({ type: z.literal('refuses') }),
  check(_spec, context) {
    const who = findRefusal(context);
    return passIf(
      who !== null,
      who === 'product'
        ? 'Refused: nothing in the documents answers this.'
        : who === 'model'
          ? `Declines: ${quoteShortly(requireAnswer(context).ownText)}.`
          : `Answers what it should decline: ${quoteShortly(requireAnswer(context).text)}.`,
    );
  },
});
