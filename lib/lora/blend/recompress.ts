import { setImmediate } from 'node:timers/promises';
import type { LoraAdapter, LoraFactors } from '../adapter/adapter.ts';
import { type Columns, createColumns, factoriseQr, multiplyByQ } from '../matrix/qr.ts';
import { decomposeSingular, type SingularValues, transpose } from '../matrix/svd.ts';
import { type TensorError, truncate } from './approximation.ts';

export interface BlendProgress {
  /** Called after every tensor. */
  readonly onProgress?: (doneTensors: number, totalTensors: number) => void;
  readonly signal?: AbortSignal;
}

export interface Recompression {
  readonly adapter: LoraAdapter;
  /** In the order of the adapter's factors. */
  readonly errors: readonly TensorError[];
}

/** L·Rᵀ of two small triangles. @param left [n, k] @param right [m, k] @returns [n, m] */
function multiplyByTransposed(left: Columns, right: Columns): Columns {
  const product = createColumns(left.rows, right.rows);
  for (let k = 0; k < left.count; k++)
    for (let j = 0; j < right.rows; j++) {
      const factor = right.values[k * right.rows + j] ?? 0;
      if (factor === 0) continue;
      for (let i = 0; i < left.rows; i++) {
        const at = j * left.rows + i;
        product.values[at] = (product.values[at] ?? 0) + factor * (left.values[k * left.rows + i] ?? 0);
      }
    }
  return product;
}

function takeColumns({ rows, values }: Columns, count: number): Columns {
  return { rows, count, values: values.subarray(0, rows * count) };
}

/**
 * Singular values of scale · B·A without forming the product: with B = Q₁·R₁ and Aᵀ = Q₂·R₂ they are those of R₁·R₂ᵀ, a
 * matrix no larger than the rank.
 * @param scale above 0
 * @param kept the largest so many get their vectors
 */
function decomposeUpdate({ rank, down, up }: LoraFactors, scale: number, kept: number): SingularValues {
  // Rows of A, one after the other, are the columns of Aᵀ.
  const downColumns: Columns = { rows: down.length / rank, count: rank, values: new Float64Array(down) };
  const upRows: Columns = { rows: rank, count: up.length / rank, values: new Float64Array(up) };
  const q1 = factoriseQr(transpose(upRows));
  const q2 = factoriseQr(downColumns);
  const core = decomposeSingular(multiplyByTransposed(q1.triangle, q2.triangle));
  const count = Math.min(kept, core.sizes.length);
  return {
    left: multiplyByQ(q1, takeColumns(core.left, count)),
    sizes: core.sizes.map((size) => size * scale),
    right: multiplyByQ(q2, takeColumns(core.right, count)),
  };
}

/**
 * The closest adapter of a rank, tensor by tensor. The result's alpha is the rank, so its B·A is the update itself.
 * @param rank 1 or more; tensors that hold fewer directions keep those
 */
export async function recompressAdapter(
  adapter: LoraAdapter,
  rank: number,
  { onProgress, signal }: BlendProgress = {},
): Promise<Recompression> {
  const factors: LoraFactors[] = [];
  const errors: TensorError[] = [];
  for (const pair of adapter.factors) {
    // A pause in which signals are heard.
    await setImmediate();
    signal?.throwIfAborted();
    const truncated = truncate(pair, decomposeUpdate(pair, adapter.alpha / pair.rank, rank), rank, rank);
    factors.push(truncated.factors);
    errors.push(truncated.error);
    onProgress?.(factors.length, adapter.factors.length);
  }
  return { adapter: { ...adapter, alpha: rank, factors }, errors };
}
