import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { writeWholeFile } from '../files/write-whole-file.ts';
import { invalidAdapter } from './adapter.ts';

/** What an adapter that ships with the product says of itself; beside its weights and the recipe that made them. */
const manifestSchema = z.object({
  /** Name of the folder. */
  name: z.string().regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/),
  /** One sentence for people. */
  description: z.string().min(1),
  base: z.object({ id: z.string(), sha256: z.string() }),
  templateSha256: z.string(),
  /** The weights, in the same folder. */
  file: z.object({ name: z.string(), sha256: z.string(), sizeBytes: z.number().int() }),
  architecture: z.string(),
  rank: z.number().int(),
  alpha: z.number(),
  modules: z.array(z.string()),
  /** Prompt templates (lib/chat/prompt.ts) that it was trained with. */
  promptVersions: z.array(z.string()),
  training: z.object({
    rowsSha256: z.string(),
    /** Step whose weights these are, of so many. */
    step: z.number().int(),
    totalSteps: z.number().int(),
    tokens: z.number().int(),
    /** Mean negative log-likelihood of the validation rows, nats a token. */
    baseLoss: z.number().nullable(),
    loss: z.number().nullable(),
  }),
});
export type AdapterManifest = z.infer<typeof manifestSchema>;

export const MANIFEST_FILE = 'manifest.json';

export function writeManifest(directory: string, manifest: AdapterManifest): Promise<void> {
  return writeWholeFile(path.join(directory, MANIFEST_FILE), (handle) =>
    handle.writeFile(`${JSON.stringify(manifest, null, 2)}\n`),
  );
}

/** @throws AppError `adapter.invalid` when the file is no manifest; the system's error when there is none */
export async function readManifest(directory: string): Promise<AdapterManifest> {
  const text = await readFile(path.join(directory, MANIFEST_FILE), 'utf8');
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch (error) {
    throw invalidAdapter(
      `${MANIFEST_FILE} is no manifest: ${error instanceof z.ZodError ? z.prettifyError(error) : String(error)}`,
    );
  }
}
