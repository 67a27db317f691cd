import { type LoraAdapter, type LoraFactors, MAX_RANK } from '../adapter/adapter.ts';
import { joinTrainedOn, markTrainedOn, NOT_SAID } from '../adapter/trained-on.ts';
import { targetModules } from '../architectures/architecture.ts';
import { type MatrixProduct, openMatrixProduct } from '../matrix/multiply.ts';
import { createRandom } from '../train/random.ts';
import { type AlignedLayer, alignParts, type BlendPart } from './align-parts.ts';
import { decomposeDense } from './approximate-dense.ts';
import { type TensorError, truncate } from './approximation.ts';
import { invalidBlend } from './blend-error.ts';
import { concatenateUpdates } from './concatenate.ts';
import { createDropAndRescale } from './dare.ts';
import { type CombineRows, combineUpdates, formUpdate, measureDistance } from './dense-update.ts';
import { type BlendProgress, recompressAdapter } from './recompress.ts';
import { combineByElection, findThreshold } from './ties.ts';

/** `linear` is exact; `ties` and `dare` work on single values of the update, whose result is no longer of low rank. */
export const blendMethods = ['linear', 'ties', 'dare'] as const;

export interface LinearBlend extends BlendProgress {
  readonly method: 'linear';
  /** Compress the sum to this rank; null keeps the sum of the parts' ranks and loses nothing. */
  readonly rank: number | null;
}

export interface SparseBlend extends BlendProgress {
  readonly method: 'ties' | 'dare';
  /** The result is compressed to it. */
  readonly rank: number;
  /** Share of each update's values that stays, above 0, at most 1. The papers keep 0.2 (TIES) and 0.1 (DARE). */
  readonly keptShare: number;
  /** Of the values that DARE drops, and of the sample that compression takes. */
  readonly seed: number;
  /** Cores for the products; default 1. */
  readonly threads?: number;
}

export interface BlendResult {
  readonly adapter: LoraAdapter;
  /** What compression lost, tensor by tensor; null where nothing was compressed. */
  readonly errors: readonly TensorError[] | null;
}

function checkRank(rank: number): void {
  if (!Number.isInteger(rank) || rank < 1 || rank > MAX_RANK)
    throw invalidBlend(`the rank is ${rank}, expected a whole number from 1 to ${MAX_RANK}`);
}

async function blendLinearly(
  architecture: string,
  layers: readonly AlignedLayer[],
  options: LinearBlend,
): Promise<BlendResult> {
  const sum = concatenateUpdates(architecture, layers);
  if (options.rank !== null) return recompressAdapter(sum, options.rank, options);
  const largest = Math.max(...sum.factors.map(({ rank }) => rank));
  if (largest > MAX_RANK)
    throw invalidBlend(`the sum has the rank ${largest}, more than ${MAX_RANK}; give a rank to compress it to`);
  return { adapter: sum, errors: null };
}

async function createCombination(
  product: MatrixProduct,
  layer: AlignedLayer,
  { method, keptShare }: SparseBlend,
  stream: readonly number[],
): Promise<CombineRows> {
  if (method === 'dare')
    return createDropAndRescale(
      layer.updates.map(({ part }) => [...stream, part + 1]),
      keptShare,
    );
  const thresholds: number[] = [];
  for (const update of layer.updates)
    thresholds.push(findThreshold((await formUpdate(product, layer, update)).values, keptShare));
  return (parts) => combineByElection(parts, thresholds);
}

async function blendSparsely(
  architecture: string,
  layers: readonly AlignedLayer[],
  options: SparseBlend,
): Promise<BlendResult> {
  const { rank, keptShare, seed, threads, onProgress, signal } = options;
  if (!(keptShare > 0 && keptShare <= 1))
    throw invalidBlend(`the share of values that stay is ${keptShare}, expected more than 0 and at most 1`);
  const product = await openMatrixProduct(threads);
  const factors: LoraFactors[] = [];
  const errors: TensorError[] = [];
  try {
    for (const layer of layers) {
      signal?.throwIfAborted();
      const stream = [seed, layer.layer, targetModules.indexOf(layer.module)];
      const combination = await createCombination(product, layer, options, stream);
      const update = await combineUpdates(product, layer, combination);
      const svd = await decomposeDense(product, update, rank, createRandom(...stream, 0));
      const { factors: truncated } = truncate(layer, svd, rank, rank);
      const distance = await measureDistance(product, update, truncated, rank / truncated.rank);
      factors.push(truncated);
      errors.push({ layer: layer.layer, module: layer.module, ...distance });
      onProgress?.(factors.length, layers.length);
    }
  } finally {
    await product.close();
  }
  return { adapter: { architecture, alpha: rank, factors }, errors };
}

/**
 * One adapter out of several for the same base. The sum of linear blending is exact for any ranks, alphas and adapted layers.
 * TIES and DARE are taken tensor by tensor on the weighted updates, with at most two of a tensor's updates in memory, and
 * compressed; `errors` says how much of the combination the rank could not hold.
 * @throws AppError `blend.invalid`: no parts, a weight that is no number, all weights 0, adapters of different bases, a rank or
 * share out of range
 */
export async function blendAdapters(
  parts: readonly BlendPart[],
  options: LinearBlend | SparseBlend,
): Promise<BlendResult> {
  if (options.rank !== null) checkRank(options.rank);
  const layers = alignParts(parts);
  const architecture = parts[0]?.adapter.architecture ?? '';
  if (layers.length === 0) throw invalidBlend('none of them adapts a layer');
  const result =
    options.method === 'linear'
      ? await blendLinearly(architecture, layers, options)
      : await blendSparsely(architecture, layers, options);
  const trainedOn = joinTrainedOn(parts.map(({ adapter }) => adapter.trainedOn ?? NOT_SAID));
  return { ...result, adapter: markTrainedOn(result.adapter, trainedOn) };
}
