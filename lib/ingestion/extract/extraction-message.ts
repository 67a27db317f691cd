import { z } from 'zod';
import { extractedPageSchema } from './extracted-page.ts';

/** What the extraction process says, one JSON object a line. The last one is `end` or `error`. */
export const extractionMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('progress'), done: z.number().int(), total: z.number().int() }),
  z.object({ type: z.literal('page'), page: extractedPageSchema }),
  z.object({ type: z.literal('end'), pageCount: z.number().int() }),
  z.object({ type: z.literal('error'), code: z.string(), message: z.string(), userMessage: z.string() }),
]);
export type ExtractionMessage = z.infer<typeof extractionMessageSchema>;
