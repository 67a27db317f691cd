import { z } from 'zod';
import { defineAssertion, foldText, passIf, requireAnswer } from '../assertion.ts';

/** A citation of the answer, the product's quotation included, leads to this document. */
export const citesDocument = defineAssertion({
  type: 'cites-document',
  schema: z.strictObject({
    type: z.literal('cites-document'),
    /** Title, or part of it. */
    title: z.string().trim().min(1).max(500),
    /** From 1. Left out: any page. */
    page: z.number().int().min(1).optional(),
  }),
  check({ title, page }, context) {
    const answer = requireAnswer(context);
    const cited = answer.citations.flatMap((citation) =>
      answer.sources.filter((source) => source.number === citation.sourceNumber),
    );
    const isFound = cited.some(
      (source) =>
        foldText(source.documentTitle).includes(foldText(title)) && (page === undefined || source.pageNumber === page),
    );
    const place = page === undefined ? `“${title}”` : `“${title}”, page ${page}`;
    const named = [...new Set(cited.map((source) => `“${source.documentTitle}”, page ${source.pageNumber}`))];
    return passIf(
      isFound,
      isFound
        ? `Cites ${place}.`
        : `Does not cite ${place}, but ${named.length === 0 ? 'nothing' : named.join(' and ')}.`,
    );
  },
});
