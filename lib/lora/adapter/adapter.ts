import { AppError } from '#lib/domain/errors.ts';
import {
  type DecoderConfig,
  nameTensor,
  sizeOfModule,
  type TargetModule,
  targetModules,
} from '../architectures/architecture.ts';

/**
 * A LoRA adapter in memory, in the row order of the GGUF file. Effective weight: W + (alpha / rank)·B·A. Every file format is
 * read into this and written from it.
 */
export interface LoraAdapter {
  /** `general.architecture` of the base. */
  readonly architecture: string;
  readonly alpha: number;
  readonly factors: readonly LoraFactors[];
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

const linearTensors = (config: DecoderConfig) =>
  new Map(
    Array.from({ length: config.layerCount }, (_, layer) =>
      targetModules.map(
        (module) => [nameTensor(layer, module), { layer, module, ...sizeOfModule(config, module) }] as const,
      ),
    ).flat(),
  );

export interface TargetTensor {
  readonly layer: number;
  readonly module: TargetModule;
  readonly inputs: number;
  readonly outputs: number;
}

/**
 * The frozen layer that a pair of factors belongs to.
 * @param tensorName as in the base's GGUF file
 * @throws AppError `adapter.invalid` when the base has no such linear layer
 */
export function createTargetLookup(config: DecoderConfig): (tensorName: string) => TargetTensor {
  const known = linearTensors(config);
  return (tensorName) => {
    const target = known.get(tensorName);
    if (!target) throw invalidAdapter(`it adapts ${tensorName}, which is no linear layer of this base`, { tensorName });
    return target;
  };
}

/**
 * Check sizes before any number is read.
 * @param downShape [rank, inputs]
 * @param upShape [outputs, rank]
 * @returns the rank
 * @throws AppError `adapter.invalid` naming what was expected and what came
 */
export function checkFactorShapes(
  name: string,
  target: TargetTensor,
  downShape: readonly number[],
  upShape: readonly number[],
): number {
  const [rank = 0, inputs] = downShape;
  const fits =
    downShape.length === 2 &&
    upShape.length === 2 &&
    inputs === target.inputs &&
    upShape[0] === target.outputs &&
    upShape[1] === rank;
  if (!fits)
    throw invalidAdapter(
      `${name} has A [${downShape.join(', ')}] and B [${upShape.join(', ')}]; this base needs A [rank, ${target.inputs}] and B [${target.outputs}, rank]`,
      { name },
    );
  if (rank < 1 || rank > MAX_RANK)
    throw invalidAdapter(`${name} has rank ${rank}; 1 to ${MAX_RANK} are possible`, { name, rank });
  return rank;
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
