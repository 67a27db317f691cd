import { z } from 'zod';

/** What one document may hold. Counted by the extraction process while it reads, so that no number in the file is trusted. */
export const documentLimitsSchema = z.object({
  maxPages: z.number().int().positive(),
  /** Characters of text over all pages. */
  maxCharacters: z.number().int().positive(),
  /** Files inside an Office document, a book or an archive. */
  maxEntries: z.number().int().positive(),
  /** Bytes that all of them may unpack to. */
  maxUnpackedBytes: z.number().int().positive(),
  /** Unpacked over packed bytes of one of them; looked at from {@link RATIO_FREE_BYTES} on. */
  maxCompressionRatio: z.number().positive(),
  /** Milliseconds that recognising the text of scanned pages may take for all of them together; 0: they stay pictures. */
  recognitionMs: z.number().int().min(0),
});
export type DocumentLimits = z.infer<typeof documentLimitsSchema>;

/** Small files of blanks compress well and harm nobody. */
export const RATIO_FREE_BYTES = 10_000_000;

/** Sheets of real workbooks reach ratios of 10 to 60; deflate ends at 1032. */
export const defaultDocumentLimits: DocumentLimits = {
  maxPages: 10_000,
  maxCharacters: 50_000_000,
  maxEntries: 20_000,
  maxUnpackedBytes: 1_000_000_000,
  maxCompressionRatio: 200,
  recognitionMs: 10 * 60_000,
};
