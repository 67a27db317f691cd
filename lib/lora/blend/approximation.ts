import type { LoraFactors } from '../adapter/adapter.ts';
import type { TargetModule } from '../architectures/architecture.ts';
import type { SingularValues } from '../matrix/svd.ts';

/** How well a tensor's update is kept: squares of Frobenius norms, so that tensors add up. */
export interface TensorError {
  readonly layer: number;
  readonly module: TargetModule;
  /** ‖update − approximation‖². */
  readonly errorSquares: number;
  /** ‖update‖². */
  readonly updateSquares: number;
}

/** ‖update − approximation‖ / ‖update‖ over all the tensors given; 0 where there is no update at all. */
export function relativeError(tensors: readonly Pick<TensorError, 'errorSquares' | 'updateSquares'>[]): number {
  const error = tensors.reduce((sum, { errorSquares }) => sum + errorSquares, 0);
  const update = tensors.reduce((sum, { updateSquares }) => sum + updateSquares, 0);
  return update === 0 ? 0 : Math.sqrt(error / update);
}

const sumSquares = (sizes: Float64Array) => sizes.reduce((sum, size) => sum + size * size, 0);

/**
 * The best approximation of a rank, as factors whose update is (alpha / rank of the tensor) · B·A (Eckart and Young, 1936).
 * Each singular value is shared out evenly between A and B.
 * @param svd of the update, [outputs, inputs]
 * @returns the error too, which is right when `svd` spans the whole update
 */
export function truncate(
  { layer, module }: Pick<LoraFactors, 'layer' | 'module'>,
  svd: SingularValues,
  wantedRank: number,
  alpha: number,
): { readonly factors: LoraFactors; readonly error: TensorError } {
  const { left, sizes, right } = svd;
  const rank = Math.min(wantedRank, sizes.length);
  const down = new Float32Array(rank * right.rows);
  const up = new Float32Array(left.rows * rank);
  for (let k = 0; k < rank; k++) {
    const share = Math.sqrt(((sizes[k] ?? 0) * rank) / alpha);
    for (let i = 0; i < right.rows; i++) down[k * right.rows + i] = share * (right.values[k * right.rows + i] ?? 0);
    for (let i = 0; i < left.rows; i++) up[i * rank + k] = share * (left.values[k * left.rows + i] ?? 0);
  }
  const errorSquares = sumSquares(sizes.subarray(rank));
  return {
    factors: { layer, module, rank, down, up },
    error: { layer, module, errorSquares, updateSquares: sumSquares(sizes) },
  };
}
