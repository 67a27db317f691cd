import { z } from 'zod';
import { defineAssertion, passIf, requireAnswer } from '../assertion.ts';

/**
 * The model's own words are cited: at least one citation lies in them, each quote stands word for word in the passage that it
 * names, and no part of them was marked as borne out by no passage.
 */
export const citationValid = defineAssertion({
  type: 'citation-valid',
  schema: z.strictObject({
    type: z.literal('citation-valid'),
    /** True: numbers, codes, dates and names that no passage holds fail it too. */
    isSupportRequired: z.boolean().default(true),
  }),
  check({ isSupportRequired }, context) {
    const answer = requireAnswer(context);
    const own = answer.citations.filter((citation) => citation.answerEnd <= answer.ownText.length);
    if (answer.ownText === '' || own.length === 0) return passIf(false, 'Nothing in the answer is cited.');
    const wrong = own.find((citation) => {
      const source = answer.sources.find(({ number }) => number === citation.sourceNumber);
      return source?.text.slice(citation.quoteStart, citation.quoteEnd) !== citation.quote;
    });
    if (wrong !== undefined) return passIf(false, `Source ${wrong.sourceNumber} does not hold the quoted words.`);
    const unsupported = answer.unsupportedSpans.find((span) => span.kind !== 'sentence' || isSupportRequired);
    if (isSupportRequired && unsupported !== undefined) {
      const words = answer.text.slice(unsupported.answerStart, unsupported.answerEnd);
      return passIf(false, `No source bears out “${words}”.`);
    }
    return passIf(true, own.length === 1 ? 'Cited, and borne out.' : `${own.length} citations, all borne out.`);
  },
});
