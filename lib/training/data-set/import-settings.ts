import { z } from 'zod';
import { chatLogFormats } from './parse-chat-log.ts';
import { columnMappingSchema } from './table-columns.ts';

/** What an intake was asked to do. */
export const importSettingsSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('upload'), format: z.enum(chatLogFormats), columns: columnMappingSchema.nullable() }),
  z.object({ kind: z.literal('conversations') }),
  z.object({
    kind: z.literal('manuals'),
    /** Empty: every document. */
    documentIds: z.array(z.uuid()).max(1000),
    /** Answerable rows to aim at. */
    maxRows: z.number().int().min(1).max(5000),
    /** Rows in which nothing answers, as a share of the answerable ones; 0 to 1. */
    refusalShare: z.number().min(0).max(1),
  }),
  z.object({ kind: z.literal('style') }),
]);
export type ImportSettings = z.infer<typeof importSettingsSchema>;

/** Counts of an intake, kept while it goes on. */
export const importReportSchema = z.object({
  /** Conversations, turns or passages looked at. */
  read: z.number().default(0),
  malformed: z.number().default(0),
  empty: z.number().default(0),
  /** Rows that came of it. */
  rows: z.number().default(0),
  /** Personal data replaced, by kind. */
  personalData: z.record(z.string(), z.number()).default({}),
  /** Time that the model worked, for the estimate of the next intake. */
  seconds: z.number().default(0),
  /** The file had more conversations than a data set holds. */
  isCut: z.boolean().default(false),
});
export type ImportReport = z.infer<typeof importReportSchema>;
