import { z } from 'zod';
import { chooseText, defineAssertion, passIf, scopeSchema } from '../assertion.ts';

/** The number of words, sentences' worth of blanks apart, lies between two bounds, both included. */
export const length = defineAssertion({
  type: 'length',
  schema: z
    .strictObject({
      type: z.literal('length'),
      minWords: z.number().int().min(0).default(1),
      maxWords: z.number().int().min(1).optional(),
      scope: scopeSchema,
    })
    .refine((spec) => spec.maxWords === undefined || spec.minWords <= spec.maxWords, 'minWords is above maxWords'),
  check({ minWords, maxWords, scope }, context) {
    const words = chooseText(context, scope).split(/\s+/).filter(Boolean).length;
    const wanted = maxWords === undefined ? `at least ${minWords}` : `${minWords} to ${maxWords}`;
    return passIf(
      words >= minWords && (maxWords === undefined || words <= maxWords),
      `${words} words; ${wanted} expected.`,
    );
  },
});
