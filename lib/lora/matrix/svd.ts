import { type Columns, createColumns } from './qr.ts';

/** A = left · diag(sizes) · rightᵀ, sizes falling. Columns of `left` and `right` that belong to a size of 0 are zero. */
export interface SingularValues {
  readonly left: Columns;
  readonly sizes: Float64Array;
  readonly right: Columns;
}

/** Columns count as orthogonal when the cosine between them is below this: a few units in the last place. */
const ORTHOGONAL_COSINE = 1e-15;
/** Convergence is quadratic; 6 to 10 sweeps are usual. */
const MAX_SWEEPS = 60;

export function transpose({ rows, count, values }: Columns): Columns {
  const turned = createColumns(count, rows);
  for (let j = 0; j < count; j++)
    for (let i = 0; i < rows; i++) turned.values[i * count + j] = values[j * rows + i] ?? 0;
  return turned;
}

/** Turn columns p and q in their plane by the angle of cosine `c` and sine `s`. */
function rotate({ rows, values }: Columns, p: number, q: number, c: number, s: number): void {
  const atP = p * rows;
  const atQ = q * rows;
  for (let i = 0; i < rows; i++) {
    const x = values[atP + i] ?? 0;
    const y = values[atQ + i] ?? 0;
    values[atP + i] = c * x - s * y;
    values[atQ + i] = s * x + c * y;
  }
}

/** Make columns p and q orthogonal. @returns false when they were */
function orthogonalise(work: Columns, right: Columns, p: number, q: number): boolean {
  const { rows, values } = work;
  let squaresP = 0;
  let squaresQ = 0;
  let dot = 0;
  for (let i = 0; i < rows; i++) {
    const x = values[p * rows + i] ?? 0;
    const y = values[q * rows + i] ?? 0;
    squaresP += x * x;
    squaresQ += y * y;
    dot += x * y;
  }
  if (Math.abs(dot) <= ORTHOGONAL_COSINE * Math.sqrt(squaresP * squaresQ)) return false;
  const slope = (squaresQ - squaresP) / (2 * dot);
  const tangent = (slope < 0 ? -1 : 1) / (Math.abs(slope) + Math.hypot(1, slope));
  const c = 1 / Math.hypot(1, tangent);
  rotate(work, p, q, c, c * tangent);
  rotate(right, p, q, c, c * tangent);
  return true;
}

function measureLength({ rows, values }: Columns, j: number): number {
  return Math.sqrt(values.subarray(j * rows, (j + 1) * rows).reduce((sum, value) => sum + value * value, 0));
}

/**
 * Singular values by one-sided Jacobi rotations, accurate for small values too (Hestenes, 1958; Demmel and Veselić, 1992).
 * Meant for the small cores that QR leaves, up to a few hundred columns.
 */
export function decomposeSingular(matrix: Columns): SingularValues {
  if (matrix.rows < matrix.count) {
    const { left, sizes, right } = decomposeSingular(transpose(matrix));
    return { left: right, sizes, right: left };
  }
  const { rows, count } = matrix;
  const work: Columns = { ...matrix, values: matrix.values.slice() };
  const turns = createColumns(count, count);
  for (let j = 0; j < count; j++) turns.values[j * count + j] = 1;
  for (let sweep = 0, isChanging = true; isChanging && sweep < MAX_SWEEPS; sweep++) {
    isChanging = false;
    for (let p = 0; p < count - 1; p++)
      for (let q = p + 1; q < count; q++) if (orthogonalise(work, turns, p, q)) isChanging = true;
  }

  const lengths = Array.from({ length: count }, (_, j) => measureLength(work, j));
  const order = lengths.map((_, j) => j).toSorted((a, b) => (lengths[b] ?? 0) - (lengths[a] ?? 0));
  const left = createColumns(rows, count);
  const right = createColumns(count, count);
  for (const [to, from] of order.entries()) {
    const length = lengths[from] ?? 0;
    if (length === 0) continue;
    left.values.set(
      work.values.subarray(from * rows, (from + 1) * rows).map((value) => value / length),
      to * rows,
    );
    right.values.set(turns.values.subarray(from * count, (from + 1) * count), to * count);
  }
  return { left, sizes: Float64Array.from(order, (j) => lengths[j] ?? 0), right };
}
