import type { DecoderConfig } from '../architectures/architecture.ts';
import {
  checkFitsBase,
  type FactorShape,
  invalidAdapter,
  type LoraAdapter,
  type LoraFactors,
  type TrainedOn,
} from './adapter.ts';

import { markTrainedOn } from './trained-on.ts';

/** A pair of factors in a file: place and sizes are checked, no number is read yet. */
export interface StoredFactors extends FactorShape {
  /** Number type of A in the file. */
  readonly storedAs: string;
  /**
   * A [rank, inputs] and B [outputs, rank]; the rows of B in the file's own order.
   * @throws AppError `adapter.invalid` when a number is not finite
   */
  readonly read: () => Promise<{ readonly down: Float32Array; readonly up: Float32Array }>;
}

/** An adapter of unknown origin whose description is sound in itself. Whether it fits a base is another question. */
export interface AdapterFile {
  readonly format: 'gguf' | 'peft';
  /** Null where the format does not say. */
  readonly architecture: string | null;
  /** The base it was made for, in its maker's words; null where the format does not say. */
  readonly baseName: string | null;
  /** The update of a layer is alpha / rank · B·A. */
  readonly alpha: number;
  readonly factors: readonly StoredFactors[];
  readonly trainedOn: TrainedOn;
  close(): Promise<void>;
}

/**
 * Check an adapter against a base, and only then read its numbers.
 * @throws AppError `adapter.invalid`
 */
export async function loadAdapter(file: AdapterFile, config: DecoderConfig): Promise<LoraAdapter> {
  if (file.architecture !== null && file.architecture !== config.architecture)
    throw invalidAdapter(`it is for the architecture ${file.architecture}, the base is ${config.architecture}`);
  for (const stored of file.factors) checkFitsBase(config, stored);
  const factors: LoraFactors[] = [];
  for (const { layer, module, rank, read } of file.factors) factors.push({ layer, module, rank, ...(await read()) });
  return markTrainedOn({ architecture: config.architecture, alpha: file.alpha, factors }, file.trainedOn);
}
