import { z } from 'zod';

/** What a person chooses when asking for an evaluation. */
export const runSettingsSchema = z.object({
  /** How often each case is asked. Two or more show how far the same model differs from itself. */
  repeats: z.number().int().min(1).max(10).default(1),
  seed: z.number().int().min(0).max(2_147_483_647).default(0),
  /** Also ask without any sources: what is known by heart shows an adapter that need not read them. */
  isAlsoAlone: z.boolean().default(false),
});
export type RunSettings = z.infer<typeof runSettingsSchema>;

/** Everything besides the adapter and the case that decides an answer, as it was when the first case ran. */
export const pinnedSchema = z.object({
  baseModel: z.string().nullable(),
  baseSha256: z.string().nullable(),
  chatTemplateSha256: z.string().nullable(),
  embeddingModel: z.string().nullable(),
  embeddingSha256: z.string().nullable(),
  /** SHA-256 over the index configuration and the versions of all documents that answer. */
  documentsSha256: z.string(),
  instructions: z.string(),
});
export type Pinned = z.infer<typeof pinnedSchema>;

/** What a script asks for. */
export const evaluationRequestSchema = z.object({
  versionId: z.uuid().nullable().describe('The challenger. Null: the base alone.'),
  suiteIds: z.array(z.uuid()).min(1).max(100),
  settings: runSettingsSchema.optional(),
});
