import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { createNumbers, findWrongGradients } from '../testing/central-differences.ts';
import { attend, createBands } from './attention.ts';
import { encodeOnnx } from './encode-onnx.ts';
import {
  add,
  crossEntropy,
  linear,
  multiply,
  normalise,
  reshape,
  scale,
  shift,
  splitColumns,
  stackRows,
  swiGlu,
  takeRows,
} from './operations.ts';
import { createRotary, rotate } from './rotary.ts';
import { Tape, type Value } from './tape.ts';

const countValues = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);

/** Σ value ∘ (fixed random numbers): a scalar whose gradient tells every element of `value` apart. */
function reduceToScalar(tape: Tape, value: Value): Value {
  const next = createNumbers(99);
  const shape = value.shape.map(Number);
  const mask = tape.addConstant(
    Array.from({ length: countValues(shape) }, () => next()),
    shape,
  );
  const product = tape.addNode('Mul', [value, mask], shape);
  return tape.record(tape.addNode('ReduceSum', [product], [], { keepdims: 0 }), [value], (g) => [
    tape.addNode('Mul', [mask, g], shape),
  ]);
}

type Build = (tape: Tape, parameters: readonly Value[]) => Value;

type Case = readonly [name: string, shapes: readonly (readonly number[])[], build: Build];

const cases: readonly Case[] = [
  [
    'add',
    [
      [3, 4],
      [3, 4],
    ],
    (t, [a, b]) => add(t, need(a), need(b)),
  ],
  [
    'multiply',
    [
      [3, 4],
      [3, 4],
    ],
    (t, [a, b]) => multiply(t, need(a), need(b)),
  ],
  ['scale', [[3, 4]], (t, [a]) => scale(t, need(a), t.addConstant([0.5, -2, 3, 1], [4]))],
  ['shift', [[3, 4]], (t, [a]) => multiply(t, shift(t, need(a), t.addConstant([1, 2, 3, 4], [4])), need(a))],
  [
    'linear',
    [
      [3, 4],
      [5, 4],
    ],
    (t, [x, w]) => linear(t, need(x), need(w)),
  ],
  [
    'linear, scaled',
    [
      [3, 4],
      [5, 4],
    ],
    (t, [x, w]) => linear(t, need(x), need(w), -1.5),
  ],
  [
    'stackRows',
    [
      [2, 4],
      [1, 4],
      [3, 4],
    ],
    (t, [a, b, c]) => stackRows(t, [need(a), need(b), need(c)]),
  ],
  [
    'splitColumns',
    [[3, 6]],
    (t, [x]) => {
      const [a, b, c] = splitColumns(t, need(x), [2, 3, 1]);
      const narrow = linear(t, need(b), t.addConstant([1, 2, 3, -1, 0.5, 2], [2, 3]));
      return add(t, multiply(t, narrow, need(a)), linear(t, need(c), t.addConstant([2, -1], [2, 1])));
    },
  ],
  ['reshape', [[2, 6]], (t, [a]) => reshape(t, need(a), [3, 4])],
  ['normalise', [[3, 4]], (t, [a]) => normalise(t, need(a), 1e-5)],
  [
    'swiGlu',
    [
      [3, 4],
      [3, 4],
    ],
    (t, [a, b]) => swiGlu(t, need(a), need(b)),
  ],
  [
    'rotate',
    [[2, 12]],
    (t, [a]) => {
      const cos = t.addConstant([0.9, 0.8, 0.9, 0.8, 0.3, -0.1, 0.3, -0.1], [2, 1, 4]);
      const sin = t.addConstant([0.4, 0.6, 0.4, 0.6, 0.95, 0.99, 0.95, 0.99], [2, 1, 4]);
      return rotate(t, need(a), createRotary(t, { headSize: 4, rotarySize: 4, rotaryPairs: 'halves' }, cos, sin));
    },
  ],
  ...[true, false].map(
    (keepsProbabilities): Case => [
      `attend, ${keepsProbabilities ? 'keeping' : 'computing again'} the probabilities`,
      [
        [7, 12],
        [7, 6],
        [7, 6],
      ],
      (t, [q, k, v]) => {
        const mask = Array.from({ length: 49 }, (_, i) => (i % 7 > Math.floor(i / 7) || i === 35 ? -1e9 : 0));
        const shape = { keyValueHeadCount: 2, groupSize: 2, headSize: 3 };
        const bands = createBands(t, t.addConstant(mask, [7, 7]), shape);
        return attend(t, { q: need(q), k: need(k), v: need(v), bands }, shape, keepsProbabilities);
      },
    ],
  ),
  [
    'recompute',
    [
      [3, 4],
      [4, 4],
    ],
    (t, [x, w]) => {
      const squared = multiply(t, need(x), need(x));
      const inner = t.recompute([squared], ([a]) => swiGlu(t, linear(t, need(a), need(w)), need(a)));
      return multiply(t, inner, linear(t, squared, need(w)));
    },
  ],
  ['takeRows, one of them twice', [[4, 3]], (t, [a]) => takeRows(t, need(a), t.addIndexConstant([2, 0, 2]))],
  [
    'crossEntropy',
    [[3, 2]],
    (t, [x]) => {
      const head = t.addConstant([1, -2, 0.5, 3, -1, 1, 2, 0.25, -0.5, 1.5], [5, 2]);
      return crossEntropy(t, need(x), head, t.addIndexConstant([1, 4, 0]), t.addConstant([1, 0.5, 2], [3])).sum;
    },
  ],
  [
    'a value used three times',
    [[3, 3]],
    (t, [a]) => add(t, multiply(t, need(a), need(a)), linear(t, need(a), need(a))),
  ],
];

function need(value: Value | undefined): Value {
  if (!value) throw new Error('a parameter is missing');
  return value;
}

async function buildSession(shapes: readonly (readonly number[])[], build: Build): Promise<InferenceSession> {
  const tape = new Tape('float64');
  const parameters = shapes.map((shape, i) => tape.addParameter(`p${i}`, shape));
  const value = build(tape, parameters);
  const loss = value.shape.length === 0 ? value : reduceToScalar(tape, value);
  const gradients = tape.differentiate(loss, parameters, tape.addConstant([1]));
  tape.addOutput('loss', loss);
  gradients.forEach((gradient, i) => tape.addOutput(`g${i}`, gradient));
  return InferenceSession.create(encodeOnnx(tape.build()), { intraOpNumThreads: 1, graphOptimizationLevel: 'basic' });
}

describe('gradients equal central differences', () => {
  it.each(cases)('%s', async (_, shapes, build) => {
    const session = await buildSession(shapes, build);
    const next = createNumbers(5);
    const values = shapes.map((shape) => Float64Array.from({ length: countValues(shape) }, next));
    const run = async () =>
      session.run(
        Object.fromEntries(values.map((data, i) => [`p${i}`, new Tensor('float64', data, [...(shapes[i] ?? [])])])),
      );
    const lossOf = async () => Number((await run())['loss']?.data[0]);

    const result = await run();
    const parameters = values.map((data, i) => {
      const gradient = result[`g${i}`];
      expect(gradient?.dims).toEqual(shapes[i]);
      return { name: `p${i}`, data, gradient: Array.from(gradient?.data ?? [], Number), elements: [...data.keys()] };
    });
    expect(await findWrongGradients(parameters, lossOf)).toEqual([]);
    await session.release();
  });

  it('refuses a parameter that the loss does not depend on', () => {
    const tape = new Tape();
    const used = tape.addParameter('used', [2, 2]);
    const unused = tape.addParameter('unused', [2, 2]);
    const loss = reduceToScalar(tape, multiply(tape, used, used));
    expect(() => tape.differentiate(loss, [used, unused], tape.addConstant([1]))).toThrow(/does not depend on.*unused/);
  });

  it('adds nothing to the graph for values below the lowest parameter', () => {
    const tape = new Tape();
    const frozen = tape.addInput('frozen', [2, 2]);
    const below = multiply(tape, frozen, frozen);
    expect(below.hasGradient).toBe(false);
    const parameter = tape.addParameter('w', [2, 2]);
    const loss = reduceToScalar(tape, linear(tape, below, parameter));
    const forwardCount = tape.build().nodes.length;
    tape.differentiate(loss, [parameter], tape.addConstant([1]));
    const backward = tape.build().nodes.slice(forwardCount);
    expect(backward.some((node) => node.inputs.includes('frozen'))).toBe(false);
  });
});
