import { type Matrix, type MatrixProduct, transposeMatrix } from '../matrix/multiply.ts';
import type { LoraFactors } from './adapter.ts';

/**
 * Frobenius norm of scale · B·A, without forming the product: ‖B·A‖² is the sum of the products of the elements of BᵀB and
 * AAᵀ, both as small as the rank.
 */
export async function measureUpdate(
  product: MatrixProduct,
  { rank, down, up }: Pick<LoraFactors, 'rank' | 'down' | 'up'>,
  scale: number,
): Promise<number> {
  const a: Matrix = { rows: rank, columns: down.length / rank, values: down };
  const b: Matrix = { rows: up.length / rank, columns: rank, values: up };
  const turned = transposeMatrix(a);
  const downSquares = await product.multiplyTransposed(turned, turned);
  const upSquares = await product.multiplyTransposed(b, b);
  const squares = downSquares.values.reduce((sum, value, i) => sum + value * (upSquares.values[i] ?? 0), 0);
  // Rounding may leave a little less than nothing.
  return Math.abs(scale) * Math.sqrt(Math.max(squares, 0));
}
