import { z } from 'zod';

/** More would not be read through by any person in one sitting. */
export const MAX_DRAFTS = 500;

/** What was asked for. */
export const draftSettingsSchema = z.object({
  /** Empty: every document. */
  documentIds: z.array(z.uuid()).max(1000),
  /** Questions to aim at. */
  maxCases: z.number().int().min(1).max(MAX_DRAFTS),
});
export type DraftSettings = z.infer<typeof draftSettingsSchema>;

/** Counts of the work, kept while it goes on. */
export const draftReportSchema = z.object({
  /** Statements read. */
  read: z.number().default(0),
  /** Of these the model wrote nothing of use about. */
  unasked: z.number().default(0),
  /** Of these the suite, or another draft, asks the same question. */
  known: z.number().default(0),
  /** Time that the model worked, for the forecast of the next set. */
  seconds: z.number().default(0),
});
export type DraftReport = z.infer<typeof draftReportSchema>;
