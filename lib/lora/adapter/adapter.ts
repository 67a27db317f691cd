import { AppError } from '#lib/domain/errors.ts';
import { type DecoderConfig, nameTensor, sizeOfModule, type TargetModule } from '../architectures/architecture.ts';

/**
 * A LoRA adapter in memory, in the row order of the GGUF file. Effective weight: W + (alpha / rank)·B·A. Every file format is
 * read into this and written from it.
 */
export interface LoraAdapter {
  /** `general.architecture` of the base. */
  readonly architecture: string;
  readonly alpha: number;
  readonly factors: readonly LoraFactors[];
  /** Absent where nobody said. */
  readonly trainedOn?: TrainedOn;
}

/** Hashes of what an adapter learned with; null where its file does not say, as those of other programs never do. */
export interface TrainedOn {
  /** SHA-256 of the base's GGUF file. */
  readonly baseSha256: string | null;
  /** SHA-256 of everything that decides how messages are rendered. */
  readonly templateSha256: string | null;
}

export interface LoraFactors {
  readonly layer: number;
  readonly module: TargetModule;
  readonly rank: number;
  /** A, [rank, inputs], row-major. */
  readonly down: Float32Array;
  /** B, [outputs, rank], row-major. */
  readonly up: Float32Array;
}

/** Beyond this, factors are no longer low-rank for any base that is supported. */
export const MAX_RANK = 1024;

export function invalidAdapter(reason: string, details: Record<string, string | number> = {}): AppError {
  return new AppError({
    code: 'adapter.invalid',
    message: `not a usable LoRA adapter: ${reason}`,
    userMessage: `This adapter cannot be used: ${reason}.`,
    details,
  });
}

/** Where a pair of factors belongs, and its sizes. */
export interface FactorShape {
  readonly layer: number;
  readonly module: TargetModule;
  readonly rank: number;
  readonly inputs: number;
  readonly outputs: number;
}

/**
 * Check that A and B belong together before any number is read.
 * @param downShape [rank, inputs]
 * @param upShape [outputs, rank]
 * @throws AppError `adapter.invalid` naming what was expected and what came
 */
export function checkFactorShapes(
  name: string,
  downShape: readonly number[],
  upShape: readonly number[],
): Pick<FactorShape, 'rank' | 'inputs' | 'outputs'> {
  const [rank = 0, inputs = 0] = downShape;
  const [outputs = 0] = upShape;
  if (downShape.length !== 2 || upShape.length !== 2 || upShape[1] !== rank)
    throw invalidAdapter(
      `${name} has A [${downShape.join(', ')}] and B [${upShape.join(', ')}], expected A [rank, inputs] and B [outputs, rank]`,
      { name },
    );
  if (rank < 1 || rank > MAX_RANK)
    throw invalidAdapter(`${name} has rank ${rank}; 1 to ${MAX_RANK} are possible`, { name, rank });
  return { rank, inputs, outputs };
}

/** @throws AppError `adapter.invalid` when the base has no such linear layer, or one of other sizes */
export function checkFitsBase(config: DecoderConfig, { layer, module, inputs, outputs }: FactorShape): void {
  const name = nameTensor(layer, module);
  if (layer >= config.layerCount)
    throw invalidAdapter(`it adapts ${name}, which is no linear layer of this base`, { name });
  const expected = sizeOfModule(config, module);
  if (inputs !== expected.inputs || outputs !== expected.outputs)
    throw invalidAdapter(
      `${name} has A [rank, ${inputs}] and B [${outputs}, rank]; this base needs A [rank, ${expected.inputs}] and B [${expected.outputs}, rank]`,
      { name },
    );
}

/** @throws AppError `adapter.invalid` on the first number that is infinite or not a number */
export function checkFinite(name: string, values: Float32Array): Float32Array {
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at >= 0) throw invalidAdapter(`${name} holds ${values[at]} at position ${at}`, { name, at });
  return values;
}

export function checkAlpha(alpha: unknown): number {
  if (typeof alpha !== 'number' || !Number.isFinite(alpha) || alpha <= 0)
    throw invalidAdapter(`alpha is ${String(alpha)}, expected a positive number`);
  return alpha;
}
