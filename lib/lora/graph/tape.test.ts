import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { encodeOnnx } from './encode-onnx.ts';
import { estimatePeakBytes } from './estimate-memory.ts';
import { linear, multiply, swiGlu } from './operations.ts';
import { Tape, type Value } from './tape.ts';

/** A chain of `depth` gated layers over a [T, 16] input, and the gradients of their weights. */
function buildChain(depth: number, isRecomputed: boolean): Tape {
  const tape = new Tape();
  const weights = Array.from({ length: depth }, (_, i) => tape.addParameter(`w${i}`, [16, 16]));
  const layer = (x: Value, weight: Value) => swiGlu(tape, linear(tape, x, weight), x);
  let x: Value = tape.addInput('x', ['T', 16]);
  for (const weight of weights)
    x = isRecomputed ? tape.recompute([x], ([again = x]) => layer(again, weight)) : layer(x, weight);
  const loss = tape.record(tape.addNode('ReduceSum', [x], [], { keepdims: 0 }), [x], (g) => [
    tape.addNode('Expand', [g, tape.addNode('Shape', [x], [2])], x.shape),
  ]);
  tape.addOutput('loss', loss);
  for (const [i, gradient] of tape.differentiate(loss, weights, tape.addConstant([1])).entries())
    tape.addOutput(`gradient.w${i}`, gradient);
  return tape;
}

const wave = (count: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(i));

async function runChain(tape: Tape, depth: number): Promise<Record<string, number[]>> {
  const session = await InferenceSession.create(encodeOnnx(tape.build()), { intraOpNumThreads: 1 });
  const weights = Array.from({ length: depth }, (_, i): [string, Tensor] => [
    `w${i}`,
    new Tensor('float32', wave(256), [16, 16]),
  ]);
  const result = await session.run({ x: new Tensor('float32', wave(48), [3, 16]), ...Object.fromEntries(weights) });
  await session.release();
  return Object.fromEntries(Object.entries(result).map(([name, { data }]) => [name, Array.from(data, Number)]));
}

describe('recompute', () => {
  it('gives the same numbers with less memory', async () => {
    const [kept, recomputed] = [buildChain(6, false), buildChain(6, true)];
    expect(await runChain(recomputed, 6)).toEqual(await runChain(kept, 6));
    const [more, less] = [kept, recomputed].map((tape) => estimatePeakBytes(tape.build(), { T: 1000 }));
    expect(less).toBeLessThan((more ?? 0) * 0.75);
  });
});

describe('build', () => {
  it('leaves out what no output reads', () => {
    const tape = new Tape();
    const x = tape.addInput('x', [2, 2]);
    tape.addNode('Exp', [tape.addNode('Neg', [x], [2, 2])], [2, 2]);
    tape.addOutput('y', multiply(tape, x, x));
    expect(tape.build().nodes.map(({ operator }) => operator)).toEqual(['Mul']);
  });

  it('gives one value out under two names, and an input as it is', async () => {
    const tape = new Tape();
    const x = tape.addInput('x', [2]);
    const square = multiply(tape, x, x);
    tape.addOutput('square', square);
    tape.addOutput('again', square);
    tape.addOutput('same', x);
    tape.addOutput('cube', multiply(tape, square, x));
    const session = await InferenceSession.create(encodeOnnx(tape.build()), { intraOpNumThreads: 1 });
    const result = await session.run({ x: new Tensor('float32', Float32Array.of(2, -3), [2]) });
    const numbers = Object.fromEntries(
      Object.entries(result).map(([name, { data }]) => [name, Array.from(data, Number)]),
    );
    expect(numbers).toEqual({ square: [4, 9], again: [4, 9], same: [2, -3], cube: [8, -27] });
    await session.release();
  });
});

describe('estimatePeakBytes', () => {
  it('counts what lives at once, views once', () => {
    const tape = new Tape();
    const x = tape.addInput('x', ['T', 4]);
    const a = tape.addNode('Exp', [x], ['T', 4]);
    const view = tape.addNode('Reshape', [a, tape.addIndexConstant([-1])], ['4T/1']);
    const half = tape.addNode('Slice', [view], ['2T/1']);
    tape.addOutput('y', tape.addNode('Exp', [half], ['2T/1']));
    // a and half; then a is gone, and half and y are there.
    expect(estimatePeakBytes(tape.build(), { T: 10 })).toBe(4 * (40 + 20));
  });

  it('refuses a size that nobody named', () => {
    const tape = new Tape();
    tape.addOutput('y', tape.addNode('Exp', [tape.addInput('x', ['U'])], ['U']));
    expect(() => estimatePeakBytes(tape.build(), { T: 1 })).toThrow(/dimension U/);
  });
});
