import { z } from 'zod';
import { AppError } from '#lib/domain/errors.ts';
import { invalidAdapter, type LoraAdapter, type TrainedOn } from './adapter.ts';

/**
 * What an adapter was trained on. An adapter answers well on the very base and the very chat template that it learned with,
 * and on others only by luck; neither is in the tensors, so files carry both hashes.
 */
const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);
const trainedOnSchema: z.ZodType<TrainedOn> = z.object({
  baseSha256: sha256Schema.nullable(),
  templateSha256: sha256Schema.nullable(),
});

export const NOT_SAID: TrainedOn = { baseSha256: null, templateSha256: null };

/** Keys of a GGUF file's metadata. */
export const trainedOnKeys = { base: 'lorehouse.base.sha256', template: 'lorehouse.chat_template.sha256' } as const;

/** @throws AppError `adapter.invalid` when a hash is none */
export function parseTrainedOn(value: unknown): TrainedOn {
  const parsed = trainedOnSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalidAdapter(`what it says of its base is no pair of SHA-256 hashes (${z.prettifyError(parsed.error)})`);
}

/** An adapter with what is known of its training; nothing is added where nobody said. */
export function markTrainedOn(adapter: LoraAdapter, trainedOn: TrainedOn): LoraAdapter {
  const isSaid = trainedOn.baseSha256 !== null || trainedOn.templateSha256 !== null;
  return isSaid ? { ...adapter, trainedOn } : adapter;
}

/** @param expected SHA-256 of the base that the adapter was made for @param actual SHA-256 of the base in use */
export function baseMismatch(expected: string, actual: string): AppError {
  return new AppError({
    code: 'adapter.base-mismatch',
    message: `the adapter was made for the base ${expected}; the base in use is ${actual}`,
    userMessage: `This adapter was made for another base model. It needs the base with SHA-256 ${expected}; the one in use has ${actual}.`,
    details: { expected, actual },
  });
}

/** @throws AppError `adapter.base-mismatch` with both hashes when the adapter names another base */
export function requireSameBase({ baseSha256 }: TrainedOn, actual: string): void {
  if (baseSha256 !== null && baseSha256 !== actual) throw baseMismatch(baseSha256, actual);
}

/** The one value that all of those agree on that say any. */
function agree(values: readonly (string | null)[]): string | null {
  const [first = null, ...others] = new Set(values.filter((value) => value !== null));
  return others.length === 0 ? first : null;
}

/** Of a sum of adapters. */
export const joinTrainedOn = (all: readonly TrainedOn[]): TrainedOn => ({
  baseSha256: agree(all.map(({ baseSha256 }) => baseSha256)),
  templateSha256: agree(all.map(({ templateSha256 }) => templateSha256)),
});
