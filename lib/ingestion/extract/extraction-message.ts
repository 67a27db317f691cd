import { z } from 'zod';
import { documentFormats, type MediaType } from '../formats.ts';
import { documentLimitsSchema } from './document-limits.ts';
import { extractedPageSchema, leftOutPartSchema } from './extracted-page.ts';

const failureFields = {
  code: z.string(),
  message: z.string(),
  /** Empty when nobody thought of this failure. */
  userMessage: z.string(),
  details: z.record(
    z.string(),
    z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.string()).readonly()]),
  ),
};
const failureSchema = z.object({ type: z.literal('error'), ...failureFields });
export type FailureMessage = z.infer<typeof failureSchema>;

/** What the extraction process is asked for: a line of JSON, and then the bytes of the file. */
export const extractionRequestSchema = z.object({
  mediaType: z.string().transform((name, context): MediaType => {
    const format = documentFormats.find(({ mediaType }) => mediaType === name);
    if (format) return format.mediaType;
    context.addIssue(`nothing reads ${name}`);
    return z.NEVER;
  }),
  limits: documentLimitsSchema,
  sizeBytes: z.number().int().nonnegative(),
});
export type ExtractionRequest = z.infer<typeof extractionRequestSchema>;

/** What the extraction process says of a file, one JSON object a line. The last one is `end` or `error`. */
export const extractionMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('progress'), done: z.number().int(), total: z.number().int() }),
  z.object({ type: z.literal('page'), page: extractedPageSchema }),
  z.object({ type: z.literal('left-out'), part: leftOutPartSchema }),
  z.object({ type: z.literal('end'), pageCount: z.number().int() }),
  failureSchema,
]);
export type ExtractionMessage = z.infer<typeof extractionMessageSchema>;

/**
 * What the unpacking process says: for each file `entry`, its bytes as `data`, then `entry-end`, or `entry-error` in place of
 * what is missing. The last message is `end` or `error`.
 */
export const unpackMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('entry'), name: z.string() }),
  z.object({ type: z.literal('data'), base64: z.string() }),
  z.object({ type: z.literal('entry-end') }),
  z.object({ type: z.literal('entry-error'), ...failureFields }),
  z.object({ type: z.literal('end') }),
  failureSchema,
]);
export type UnpackMessage = z.infer<typeof unpackMessageSchema>;
