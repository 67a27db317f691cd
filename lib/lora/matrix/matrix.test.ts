import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MatrixProduct, openMatrixProduct } from './multiply.ts';
import { type Columns, factoriseQr, multiplyByQ } from './qr.ts';
import { decomposeSingular, transpose } from './svd.ts';

const at = ({ rows, values }: Columns, i: number, j: number) => values[j * rows + i] ?? Number.NaN;

function multiplyColumns(left: Columns, right: Columns): Columns {
  const values = Float64Array.from({ length: left.rows * right.count }, (_, k) => {
    const [i, j] = [k % left.rows, Math.floor(k / left.rows)];
    let sum = 0;
    for (let inner = 0; inner < left.count; inner++) sum += at(left, i, inner) * at(right, inner, j);
    return sum;
  });
  return { rows: left.rows, count: right.count, values };
}

const identity = (size: number): Columns => ({
  rows: size,
  count: size,
  values: Float64Array.from({ length: size * size }, (_, k) => (k % (size + 1) === 0 ? 1 : 0)),
});

const distance = (a: Columns, b: Columns) => Math.hypot(...a.values.map((value, k) => value - (b.values[k] ?? 0)));

/** Columns that depend on each other, and zeros, come up often. */
const matrices = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })).chain(([rows, count]) =>
  fc
    .array(fc.oneof(fc.double({ min: -4, max: 4, noNaN: true }), fc.constantFrom(0, 1, -2)), {
      minLength: rows * count,
      maxLength: rows * count,
    })
    .map((values): Columns => ({ rows, count, values: Float64Array.from(values) })),
);

describe('factoriseQr', () => {
  it('gives orthonormal columns and a triangle that make up the matrix', () => {
    fc.assert(
      fc.property(matrices, (matrix) => {
        const factors = factoriseQr(matrix);
        const { triangle } = factors;
        expect(distance(multiplyByQ(factors, triangle), matrix)).toBeLessThan(1e-12);
        const q = multiplyByQ(factors, identity(triangle.rows));
        expect(distance(multiplyColumns(transpose(q), q), identity(triangle.rows))).toBeLessThan(1e-12);
        for (let j = 0; j < triangle.count; j++)
          for (let i = j + 1; i < triangle.rows; i++) expect(at(triangle, i, j)).toBe(0);
      }),
      { seed: 3 },
    );
  });
});

describe('decomposeSingular', () => {
  it('gives falling sizes and orthonormal vectors that make up the matrix', () => {
    fc.assert(
      fc.property(matrices, (matrix) => {
        const { left, sizes, right } = decomposeSingular(matrix);
        expect([...sizes]).toEqual([...sizes].toSorted((a, b) => b - a));
        const scaled = {
          ...left,
          values: left.values.map((value, k) => value * (sizes[Math.floor(k / left.rows)] ?? 0)),
        };
        expect(distance(multiplyColumns(scaled, transpose(right)), matrix)).toBeLessThan(1e-12);
        // Vectors of sizes that are zero but for rounding may be anything.
        const sound = sizes.filter((size) => size > 1e-9).length;
        for (const vectors of [left, right]) {
          const taken: Columns = { ...vectors, count: sound, values: vectors.values.subarray(0, vectors.rows * sound) };
          expect(distance(multiplyColumns(transpose(taken), taken), identity(sound))).toBeLessThan(1e-6);
        }
      }),
      { seed: 4 },
    );
  });

  it('finds sizes that are known', () => {
    // [[3, 0], [4, 5]] has AᵀA = [[25, 20], [20, 25]], whose eigenvalues are 45 and 5.
    const { sizes } = decomposeSingular({ rows: 2, count: 2, values: Float64Array.of(3, 4, 0, 5) });
    expect(sizes[0]).toBeCloseTo(Math.sqrt(45), 14);
    expect(sizes[1]).toBeCloseTo(Math.sqrt(5), 14);
  });
});

describe('openMatrixProduct', () => {
  let product: MatrixProduct;
  beforeAll(async () => {
    product = await openMatrixProduct();
  });
  afterAll(() => product.close());

  const left = { rows: 2, columns: 3, values: Float32Array.of(1, 2, 3, 4, 5, 6) };
  const right = { rows: 3, columns: 2, values: Float32Array.of(1, 0, 2, -1, 0, 3) };

  it('multiplies row by column', async () => {
    const { rows, columns, values } = await product.multiply(left, right);
    expect({ rows, columns, values: [...values] }).toEqual({ rows: 2, columns: 2, values: [5, 7, 14, 13] });
  });

  it('multiplies by a transpose', async () => {
    const { rows, columns, values } = await product.multiplyTransposed(left, {
      rows: 2,
      columns: 1,
      values: Float32Array.of(1, -1),
    });
    expect({ rows, columns, values: [...values] }).toEqual({ rows: 3, columns: 1, values: [-3, -3, -3] });
  });

  it('refuses sizes that do not meet', async () => {
    await expect(product.multiply(left, left)).rejects.toThrow('inner dimension of 3 does not meet one of 2');
    await expect(product.multiplyTransposed(left, right)).rejects.toThrow(
      'inner dimension of 2 does not meet one of 3',
    );
  });
});
