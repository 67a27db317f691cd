import { z } from 'zod';
import { answerKinds, citationSchema, unsupportedSpanSchema } from '#lib/domain/chat.ts';

/** A passage as an answer was given it; enough to show and to check citations without the document. */
const offeredSourceSchema = z.object({
  number: z.number().int().min(1),
  documentId: z.string(),
  documentTitle: z.string(),
  pageNumber: z.number().int().min(1),
  text: z.string(),
});

/** What a system said to a case, with what produced it: the part of a result that assertions look at. */
export const caseAnswerSchema = z.object({
  /** `scored`: nothing was written, only likelihoods were compared. */
  kind: z.enum([...answerKinds, 'plain', 'scored']),
  /** What a reader sees, a quotation that the product put under it included. */
  text: z.string(),
  /** What the model itself wrote: empty where the product answered by quoting or refused by itself. */
  ownText: z.string(),
  sources: z.array(offeredSourceSchema),
  citations: z.array(citationSchema),
  unsupportedSpans: z.array(unsupportedSpanSchema),
  /** 0 to 1; null where nothing was searched. */
  supportScore: z.number().nullable(),
  latencyMs: z.number(),
  completionTokens: z.number().nullable(),
  baseSha256: z.string().nullable(),
  adapterSha256: z.string().nullable(),
});
export type CaseAnswer = z.infer<typeof caseAnswerSchema>;
