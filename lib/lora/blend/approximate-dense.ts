import type { Matrix, MatrixProduct } from '../matrix/multiply.ts';
import { type Columns, createColumns, factoriseQr, multiplyByQ } from '../matrix/qr.ts';
import { decomposeSingular, type SingularValues, transpose } from '../matrix/svd.ts';
import { drawNormal } from '../train/random.ts';

/** Directions beyond the rank that the random sample takes; the paper advises 5 to 10. */
const OVERSAMPLING = 10;
/** Passes back and forth that bring out the large directions where singular values fall slowly; the paper advises 1 or 2. */
const POWER_ITERATIONS = 2;

/** Row-major in single precision to columns in double precision. */
function toColumns({ rows, columns, values }: Matrix): Columns {
  return transpose({ rows: columns, count: rows, values: new Float64Array(values) });
}

function toMatrix(columns: Columns): Matrix {
  return { rows: columns.rows, columns: columns.count, values: new Float32Array(transpose(columns).values) };
}

/** An orthonormal basis of what the columns span: [rows, columns]. */
function orthonormalise(matrix: Matrix): Columns {
  const factors = factoriseQr(toColumns(matrix));
  const count = factors.reflections.count;
  const identity = createColumns(count, count);
  for (let j = 0; j < count; j++) identity.values[j * count + j] = 1;
  return multiplyByQ(factors, identity);
}

function multiplyColumns(left: Columns, right: Columns): Columns {
  const product = createColumns(left.rows, right.count);
  for (let j = 0; j < right.count; j++)
    for (let k = 0; k < left.count; k++) {
      const factor = right.values[j * right.rows + k] ?? 0;
      for (let i = 0; i < left.rows; i++) {
        const at = j * left.rows + i;
        product.values[at] = (product.values[at] ?? 0) + factor * (left.values[k * left.rows + i] ?? 0);
      }
    }
  return product;
}

/**
 * The largest singular values of a dense matrix and their vectors, by a random sample of its range.
 * @returns `rank` + 10 of them, or as many as the matrix has; the last ones are too small
 * @see Halko, Martinsson, Tropp, "Finding Structure with Randomness", SIAM Review 2011, algorithms 4.4 and 5.1
 */
export async function decomposeDense(
  product: MatrixProduct,
  dense: Matrix,
  rank: number,
  random: () => number,
): Promise<SingularValues> {
  const sampled = Math.min(rank + OVERSAMPLING, dense.rows, dense.columns);
  const noise = Float32Array.from({ length: dense.columns * sampled }, () => drawNormal(random));
  let basis = orthonormalise(await product.multiply(dense, { rows: dense.columns, columns: sampled, values: noise }));
  for (let pass = 0; pass < POWER_ITERATIONS; pass++) {
    const other = orthonormalise(await product.multiplyTransposed(dense, toMatrix(basis)));
    basis = orthonormalise(await product.multiply(dense, toMatrix(other)));
  }
  // D ≈ Q·(Qᵀ·D), and the rows of the small factor, one after the other, are the columns of its transpose.
  const { values } = await product.multiplyTransposed(toMatrix(basis), dense);
  const factors = factoriseQr({ rows: dense.columns, count: sampled, values: new Float64Array(values) });
  const core = decomposeSingular(factors.triangle);
  return {
    left: multiplyColumns(basis, core.right),
    sizes: core.sizes,
    right: multiplyByQ(factors, core.left),
  };
}
