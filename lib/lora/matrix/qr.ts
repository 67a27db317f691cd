/** Double precision, column after column: element (i, j) stands at `values[j · rows + i]`. */
export interface Columns {
  readonly rows: number;
  readonly count: number;
  readonly values: Float64Array;
}

/** A = Q·R. Q stays in the form of its reflections and is applied, never written out. */
export interface QrFactors {
  readonly rows: number;
  /** R, upper triangular: [min(rows, columns), columns]. */
  readonly triangle: Columns;
  /** Reflection k turns the rows from k on: I − 2·v·vᵀ, v of unit length in column k, zero above row k. */
  readonly reflections: Columns;
}

export function createColumns(rows: number, count: number): Columns {
  return { rows, count, values: new Float64Array(rows * count) };
}

/** vᵀ·x from row `first` on, in four sums that do not wait for each other. */
function multiplyFrom(v: Float64Array, x: Float64Array, first: number): number {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  let i = first;
  for (; i + 3 < x.length; i += 4) {
    a += (v[i] ?? 0) * (x[i] ?? 0);
    b += (v[i + 1] ?? 0) * (x[i + 1] ?? 0);
    c += (v[i + 2] ?? 0) * (x[i + 2] ?? 0);
    d += (v[i + 3] ?? 0) * (x[i + 3] ?? 0);
  }
  for (; i < x.length; i++) a += (v[i] ?? 0) * (x[i] ?? 0);
  return a + b + (c + d);
}

/** x ← x − 2·v·(vᵀ·x), from row `first` on. Both are columns of one length. */
function reflect(v: Float64Array, x: Float64Array, first: number): void {
  const twice = 2 * multiplyFrom(v, x, first);
  for (let i = first; i < x.length; i++) x[i] = (x[i] ?? 0) - twice * (v[i] ?? 0);
}

const columnOf = ({ rows, values }: Columns, j: number) => values.subarray(j * rows, (j + 1) * rows);

/** The unit vector whose reflection turns `x`, from row `first` on, into a multiple of the first axis; written into `v`. */
function aim(x: Float64Array, v: Float64Array, first: number): void {
  let squares = 0;
  for (let i = first; i < x.length; i++) squares += (x[i] ?? 0) ** 2;
  if (squares === 0) return;
  const head = x[first] ?? 0;
  const length = Math.sqrt(squares);
  // Away from the axis, so that nothing cancels.
  const aimed = head < 0 ? head - length : head + length;
  const norm = Math.sqrt(squares - head * head + aimed * aimed);
  for (let i = first; i < x.length; i++) v[i] = (i === first ? aimed : (x[i] ?? 0)) / norm;
}

/**
 * QR by Householder's reflections (Golub and Van Loan, Matrix Computations, algorithm 5.2.1). Any shape; columns that depend
 * on others are no special case.
 */
export function factoriseQr(matrix: Columns): QrFactors {
  const { rows, count } = matrix;
  const steps = Math.min(rows, count);
  const work: Columns = { ...matrix, values: matrix.values.slice() };
  const reflections = createColumns(rows, steps);
  const triangle = createColumns(steps, count);
  for (let k = 0; k < count; k++) {
    const x = columnOf(work, k);
    for (let earlier = 0; earlier < Math.min(k, steps); earlier++) reflect(columnOf(reflections, earlier), x, earlier);
    if (k < steps) {
      const v = columnOf(reflections, k);
      aim(x, v, k);
      reflect(v, x, k);
    }
    columnOf(triangle, k).set(x.subarray(0, Math.min(k + 1, steps)));
  }
  return { rows, triangle, reflections };
}

/**
 * Q·x.
 * @param x [columns of Q, count]
 * @returns [rows, count]
 */
export function multiplyByQ({ rows, reflections }: QrFactors, x: Columns): Columns {
  const product = createColumns(rows, x.count);
  for (let j = 0; j < x.count; j++) {
    const column = columnOf(product, j);
    column.set(columnOf(x, j));
    for (let k = reflections.count - 1; k >= 0; k--) reflect(columnOf(reflections, k), column, k);
  }
  return product;
}
