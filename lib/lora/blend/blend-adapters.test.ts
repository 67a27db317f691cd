import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LoraAdapter, LoraFactors } from '../adapter/adapter.ts';
import { nameTensor, sizeOfModule, type TargetModule, targetModules } from '../architectures/architecture.ts';
import { decomposeSingular } from '../matrix/svd.ts';
import { tinySizes } from '../testing/tiny-base.ts';
import { createRandom, drawNormal } from '../train/random.ts';
import { relativeError } from './approximation.ts';
import { type BlendResult, blendAdapters } from './blend-adapters.ts';

interface Shape {
  readonly alpha: number;
  readonly layers: readonly { readonly layer: number; readonly module: TargetModule; readonly rank: number }[];
  readonly seed: number;
}

function createAdapter({ alpha, layers, seed }: Shape): LoraAdapter {
  const random = createRandom(seed);
  const numbers = (count: number) => Float32Array.from({ length: count }, () => drawNormal(random));
  const factors = layers.map(({ layer, module, rank }): LoraFactors => {
    const { inputs, outputs } = sizeOfModule(tinySizes, module);
    return { layer, module, rank, down: numbers(rank * inputs), up: numbers(outputs * rank) };
  });
  return { architecture: 'llama', alpha, factors };
}

const whole = (rank: number) => [0, 1].flatMap((layer) => targetModules.map((module) => ({ layer, module, rank })));
const small = (rank: number) => [{ layer: 0, module: 'v_proj', rank }] as const;

/** alpha / rank · B·A in double precision, row by row, by the name of the tensor. */
function formDense({ alpha, factors }: LoraAdapter): Map<string, number[]> {
  return new Map(
    factors.map(({ layer, module, rank, down, up }) => {
      const inputs = down.length / rank;
      const values = Array.from({ length: (up.length / rank) * inputs }, (_, at) => {
        let sum = 0;
        for (let k = 0; k < rank; k++)
          sum += (up[Math.floor(at / inputs) * rank + k] ?? 0) * (down[k * inputs + (at % inputs)] ?? 0);
        return (alpha / rank) * sum;
      });
      return [nameTensor(layer, module), values];
    }),
  );
}

function sumDense(parts: readonly { readonly adapter: LoraAdapter; readonly weight: number }[]): Map<string, number[]> {
  const sum = new Map<string, number[]>();
  for (const { adapter, weight } of parts)
    for (const [name, values] of formDense(adapter)) {
      const before = sum.get(name);
      sum.set(
        name,
        values.map((value, i) => weight * value + (before?.[i] ?? 0)),
      );
    }
  return sum;
}

function largestDifference(a: Map<string, number[]>, b: Map<string, number[]>): number {
  expect([...a.keys()].toSorted()).toEqual([...b.keys()].toSorted());
  return Math.max(
    ...[...a].flatMap(([name, values]) => values.map((value, i) => Math.abs(value - (b.get(name)?.[i] ?? NaN)))),
  );
}

const shapes = fc.record({
  alpha: fc.double({ min: 0.5, max: 64, noNaN: true }),
  seed: fc.nat(1000),
  layers: fc.uniqueArray(
    fc.record({
      layer: fc.integer({ min: 0, max: 1 }),
      module: fc.constantFrom(...targetModules),
      rank: fc.integer({ min: 1, max: 5 }),
    }),
    { minLength: 1, maxLength: 4, selector: ({ layer, module }) => nameTensor(layer, module) },
  ),
});

const exact = { method: 'linear', rank: null } as const;

describe('blendAdapters, linear', () => {
  it('is the weighted sum for any ranks, alphas, weights and layers', async () => {
    const parts = fc.array(fc.record({ shape: shapes, weight: fc.constantFrom(-1.5, -1, 0.25, 1, 2) }), {
      minLength: 1,
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(parts, async (described) => {
        const blended = described.map(({ shape, weight }) => ({ adapter: createAdapter(shape), weight }));
        const { adapter, errors } = await blendAdapters(blended, exact);
        expect(errors).toBeNull();
        // Updates are of the size of alpha · weight · a few units, in f32.
        expect(largestDifference(formDense(adapter), sumDense(blended))).toBeLessThan(64 * 2 * 40 * 1e-6);
      }),
      { numRuns: 60, seed: 9 },
    );
  });

  it('of one adapter, or of one and nothing of another, is that adapter to the bit', async () => {
    const one = createAdapter({ alpha: 7.3, layers: whole(3), seed: 1 });
    const other = createAdapter({ alpha: 2, layers: small(4), seed: 2 });
    expect(await blendAdapters([{ adapter: one, weight: 1 }], exact)).toEqual({ adapter: one, errors: null });
    const parts = [
      { adapter: other, weight: 0 },
      { adapter: one, weight: 1 },
    ];
    expect((await blendAdapters(parts, exact)).adapter).toEqual(one);
  });

  it('puts adapters of one shape side by side without touching a number', async () => {
    const [one, other] = [1, 2].map((seed) => createAdapter({ alpha: 32, layers: small(2), seed }));
    if (!one || !other) throw new Error('two adapters are needed');
    const { adapter } = await blendAdapters(
      [one, other].map((part) => ({ adapter: part, weight: 1 })),
      exact,
    );
    expect(adapter.alpha / (adapter.factors[0]?.rank ?? 0)).toBe(one.alpha / 2);
    expect([...(adapter.factors[0]?.down ?? [])]).toEqual(
      [one, other].flatMap(({ factors }) => [...(factors[0]?.down ?? [])]),
    );
    expect(adapter.factors[0]?.up.slice(0, 4)).toEqual(
      Float32Array.of(...(one.factors[0]?.up.slice(0, 2) ?? []), ...(other.factors[0]?.up.slice(0, 2) ?? [])),
    );
  });

  it('of an adapter and its negative is nothing', async () => {
    const adapter = createAdapter({ alpha: 8, layers: whole(2), seed: 4 });
    const blended = await blendAdapters(
      [1, -1].map((weight) => ({ adapter, weight })),
      exact,
    );
    for (const values of formDense(blended.adapter).values())
      expect(Math.max(...values.map(Math.abs))).toBeLessThan(1e-12);
  });
});

describe('blendAdapters, compressed', () => {
  it('loses what the smaller singular values hold, and says so', async () => {
    const parts = [
      { adapter: createAdapter({ alpha: 12, layers: whole(3), seed: 1 }), weight: 1 },
      { adapter: createAdapter({ alpha: 5, layers: whole(4), seed: 2 }), weight: -0.5 },
    ];
    const before = sumDense(parts);
    const { adapter, errors } = await blendAdapters(parts, { method: 'linear', rank: 2 });
    const after = formDense(adapter);
    expect(errors).toHaveLength(14);
    for (const { layer, module, errorSquares, updateSquares } of errors ?? []) {
      const name = nameTensor(layer, module);
      const { inputs, outputs } = sizeOfModule(tinySizes, module);
      const dense = before.get(name) ?? [];
      // Rows of the dense update are the columns of its transpose, which has the same singular values.
      const { sizes } = decomposeSingular({ rows: inputs, count: outputs, values: Float64Array.from(dense) });
      const lost = sizes.slice(2).reduce((sum, size) => sum + size * size, 0);
      const found = dense.reduce((sum, value, i) => sum + (value - (after.get(name)?.[i] ?? NaN)) ** 2, 0);
      expect(errorSquares / lost).toBeCloseTo(1, 6);
      expect(found / lost).toBeCloseTo(1, 4);
      expect(updateSquares / dense.reduce((sum, value) => sum + value * value, 0)).toBeCloseTo(1, 5);
    }
    expect(relativeError(errors ?? [])).toBeGreaterThan(0.3);
  });

  it('loses nothing at the full rank, and keeps no more directions than there are', async () => {
    const parts = [{ adapter: createAdapter({ alpha: 12, layers: whole(3), seed: 1 }), weight: 1 }];
    const { adapter, errors } = await blendAdapters(parts, { method: 'linear', rank: 5 });
    expect(adapter.factors.every(({ rank }) => rank === 3)).toBe(true);
    expect(relativeError(errors ?? [])).toBe(0);
    expect(largestDifference(formDense(adapter), sumDense(parts))).toBeLessThan(1e-3);
  });

  it('stops when it is told to', async () => {
    const parts = [{ adapter: createAdapter({ alpha: 12, layers: whole(3), seed: 1 }), weight: 1 }];
    const stop = new AbortController();
    const options = { method: 'linear', rank: 2, signal: stop.signal, onProgress: () => stop.abort() } as const;
    await expect(blendAdapters(parts, options)).rejects.toThrow('aborted');
  });
});

/** An adapter whose update of v_proj (16 outputs, 32 inputs) has these values in its first row and none elsewhere. */
function createRow(values: readonly number[], alpha = 1): LoraAdapter {
  const down = new Float32Array(32);
  down.set(values);
  const up = new Float32Array(16);
  up[0] = 1 / alpha;
  return { architecture: 'llama', alpha, factors: [{ layer: 0, module: 'v_proj', rank: 1, down, up }] };
}
const firstRow = ({ adapter }: BlendResult) => (formDense(adapter).get('blk.0.attn_v.weight') ?? []).slice(0, 6);
const close = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 5));

describe('blendAdapters, TIES', () => {
  const options = { method: 'ties', rank: 2, seed: 0 } as const;

  it('trims, elects the sign and averages those that agree', async () => {
    const parts = [
      { adapter: createRow([4, -3, 1, 2, 0, 0.5]), weight: 1 },
      { adapter: createRow([2, 5, -3, 2, 0, 0.1], 4), weight: 1 },
      { adapter: createRow([-1, 1, -3, -4, 0, 3]), weight: 1 },
    ];
    // 3 of 512 values stay, and what equals the third: {4, -3, 2}, {2, 5, -3, 2} and {-3, -4, 3}.
    // Sums of either sign: 6 and 0, 5 and 3, 0 and 6, 4 and 4 (they cancel out), none, 3 and 0.
    const result = await blendAdapters(parts, { ...options, keptShare: 3 / 512 });
    expect(firstRow(result)).toEqual(close([3, 5, -3, 0, 0, 3]));
    expect(relativeError(result.errors ?? [])).toBeLessThan(1e-6);
  });

  it('weighs before it elects', async () => {
    const parts = [
      { adapter: createRow([4, -3]), weight: 0.5 },
      { adapter: createRow([-3, -1]), weight: 1 },
    ];
    expect(firstRow(await blendAdapters(parts, { ...options, keptShare: 1 }))).toEqual(close([-3, -1.25, 0, 0, 0, 0]));
  });

  it('of one adapter with all its values is that adapter', async () => {
    const parts = [{ adapter: createAdapter({ alpha: 6, layers: whole(3), seed: 3 }), weight: 1 }];
    const { adapter, errors } = await blendAdapters(parts, { ...options, rank: 3, keptShare: 1 });
    expect(relativeError(errors ?? [])).toBeLessThan(1e-6);
    expect(largestDifference(formDense(adapter), sumDense(parts))).toBeLessThan(1e-3);
  });

  it('reports the error of the compressed result', async () => {
    const parts = [1, 2].map((seed) => ({ adapter: createAdapter({ alpha: 6, layers: small(3), seed }), weight: 1 }));
    const all = await blendAdapters(parts, { ...options, rank: 16, keptShare: 0.3 });
    expect(relativeError(all.errors ?? [])).toBeLessThan(1e-6);
    const few = await blendAdapters(parts, { ...options, rank: 4, keptShare: 0.3 });
    const wanted = formDense(all.adapter).get('blk.0.attn_v.weight') ?? [];
    const found = formDense(few.adapter).get('blk.0.attn_v.weight') ?? [];
    const error = Math.hypot(...wanted.map((value, i) => value - (found[i] ?? NaN))) / Math.hypot(...wanted);
    expect(error).toBeGreaterThan(0.2);
    expect(relativeError(few.errors ?? []) / error).toBeCloseTo(1, 3);
    const { sizes } = decomposeSingular({ rows: 32, count: 16, values: Float64Array.from(wanted) });
    expect(error / (Math.hypot(...sizes.slice(4)) / Math.hypot(...sizes))).toBeCloseTo(1, 2);
  });
});

describe('blendAdapters, DARE', () => {
  const options = { method: 'dare', rank: 16, seed: 5, keptShare: 0.5 } as const;
  const parts = [
    { adapter: createAdapter({ alpha: 6, layers: small(3), seed: 1 }), weight: 1 },
    { adapter: createAdapter({ alpha: 3, layers: small(2), seed: 2 }), weight: -2 },
  ];

  it('drops about the share it is told to and rescales the rest', async () => {
    const values =
      formDense((await blendAdapters(parts.slice(0, 1), options)).adapter).get('blk.0.attn_v.weight') ?? [];
    const before = formDense(parts[0]?.adapter ?? createRow([])).get('blk.0.attn_v.weight') ?? [];
    const kept = values.filter((value, i) => Math.abs(value - 2 * (before[i] ?? 0)) < 1e-3);
    const dropped = values.filter((value) => Math.abs(value) < 1e-3);
    expect(kept.length + dropped.length).toBeGreaterThanOrEqual(values.length);
    // 512 fair coins stay within 60 of 256 but once in ten million times.
    expect(Math.abs(kept.length - 256)).toBeLessThan(60);
  });

  it('is the weighted sum when everything stays', async () => {
    const { adapter } = await blendAdapters(parts, { ...options, keptShare: 1 });
    expect(largestDifference(formDense(adapter), sumDense(parts))).toBeLessThan(1e-3);
  });

  it('repeats itself, and another seed drops others', async () => {
    const [one, same, other] = await Promise.all([5, 5, 6].map((seed) => blendAdapters(parts, { ...options, seed })));
    expect(same).toEqual(one);
    expect(other?.adapter).not.toEqual(one?.adapter);
  });
});

describe('blendAdapters', () => {
  const adapter = createAdapter({ alpha: 6, layers: small(3), seed: 1 });
  const wide = {
    ...adapter,
    factors: [{ layer: 1, module: 'v_proj' as const, rank: 1, down: new Float32Array(64), up: new Float32Array(16) }],
  };

  it.each([
    { why: 'no parts', parts: [], options: exact, message: 'there are none' },
    {
      why: 'a weight that is no number',
      parts: [{ adapter, weight: NaN }],
      options: exact,
      message: 'weight of number 1 is NaN',
    },
    { why: 'an infinite weight', parts: [{ adapter, weight: Infinity }], options: exact, message: 'is Infinity' },
    { why: 'weights of 0 only', parts: [{ adapter, weight: 0 }], options: exact, message: 'all weights are 0' },
    {
      why: 'another architecture',
      parts: [
        { adapter, weight: 1 },
        { adapter: { ...adapter, architecture: 'qwen3' }, weight: 1 },
      ],
      options: exact,
      message: 'number 2 is for the architecture qwen3, the first for llama',
    },
    {
      why: 'another base',
      parts: [
        { adapter, weight: 1 },
        { adapter: wide, weight: 0 },
      ],
      options: exact,
      message: 'blk.1.attn_v.weight of number 2 turns 64 values into 16, elsewhere 32 into 16',
    },
    {
      why: 'no layer',
      parts: [{ adapter: { ...adapter, factors: [] }, weight: 1 }],
      options: exact,
      message: 'none of them adapts a layer',
    },
    {
      why: 'a rank out of range',
      parts: [{ adapter, weight: 1 }],
      options: { method: 'linear', rank: 0 },
      message: 'the rank is 0',
    },
    {
      why: 'a sum that no reader would take',
      parts: Array.from({ length: 342 }, () => ({ adapter, weight: 1 })),
      options: exact,
      message: 'the sum has the rank 1026',
    },
    {
      why: 'a share out of range',
      parts: [{ adapter, weight: 1 }],
      options: { method: 'ties', rank: 2, keptShare: 0, seed: 0 },
      message: 'the share of values that stay is 0',
    },
  ] as const)('refuses $why', async ({ parts, options, message }) => {
    await expect(blendAdapters(parts, options)).rejects.toMatchObject({
      code: 'blend.invalid',
      message: expect.stringContaining(message),
    });
  });
});
