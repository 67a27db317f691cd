/**
 * Child of bench:train: for every line of its input the frozen matrix products of a training step and nothing else, with
 * the same weights, rows and threads. What a step takes longer than this is what the engine adds.
 */
import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Tensor } from 'onnxruntime-node';
import { encodeOnnx } from '#lib/lora/graph/encode-onnx.ts';
import { openTrainingSession } from '#lib/lora/graph/open-session.ts';
import { Tape, type Value } from '#lib/lora/graph/tape.ts';
import { type FrozenProduct, listFrozenProducts } from '#lib/lora/train/flops.ts';
import { createRandom } from '#lib/lora/train/random.ts';
import { answerLines } from './answer-lines.ts';
import { openWorkload, readFlags, sizeOfRun, type Workload } from './workload.ts';

const shapeKey = (rows: number, columns: number) => `${rows}x${columns}`;

/**
 * Each product reads the newest value of its shape, so that little is kept at a time. Every block starts anew from the
 * inputs: numbers neither grow nor fade away over the layers.
 */
function encodeProducts(products: readonly FrozenProduct[], { weights }: Workload) {
  const tape = new Tape();
  const inputs = new Map<string, Value>();
  const addInput = (rows: number, columns: number): Value => {
    const key = shapeKey(rows, columns);
    const value = inputs.get(key) ?? tape.addInput(`x.${key}`, [rows, columns]);
    inputs.set(key, value);
    return value;
  };
  const unread = new Set<Value>();
  let newest = new Map<string, Value>();
  const multiply = (x: Value, weight: Value, rows: number, columns: number, isForward: boolean) => {
    unread.delete(x);
    const product = tape.addNode('Gemm', [x, weight], [rows, columns], isForward ? { transB: 1 } : {});
    unread.add(product);
    newest.set(shapeKey(rows, columns), product);
    return product;
  };
  let block: string | undefined;
  for (const { weight: name, rows, inputs: from, outputs: to, hasBackward } of products) {
    const [, own] = name.split('.');
    if (own !== block) newest = new Map();
    block = own;
    const place = weights.layout.tensors[name];
    if (!place) throw new RangeError(`the base has no tensor ${name}`);
    const weight = tape.addExternalWeight(name, place.shape, {
      fileName: path.basename(weights.dataFile),
      byteOffset: place.byteOffset,
      byteLength: place.byteLength,
    });
    const x = newest.get(shapeKey(rows, from)) ?? addInput(rows, from);
    const y = multiply(x, weight, rows, to, true);
    if (hasBackward) multiply(y, weight, rows, from, false);
  }
  for (const [i, value] of [...unread].entries()) tape.addOutput(`y.${i}`, value);
  return { model: encodeOnnx(tape.build()), inputs: [...inputs.values()] };
}

const workload = await openWorkload(readFlags());
const { model, inputs } = encodeProducts(
  listFrozenProducts(workload.config, workload.lora, sizeOfRun(workload)),
  workload,
);
/** External weights are found beside the model file, so it is written there for the moment of loading. */
async function openProducts(encoded: Uint8Array, { weights, threads }: Workload) {
  const file = path.join(path.dirname(weights.dataFile), `graph-${randomUUID()}.onnx`);
  try {
    await writeFile(file, encoded);
    return await openTrainingSession(file, { threads, device: 'cpu' });
  } finally {
    await rm(file, { force: true });
  }
}

const startedAt = performance.now();
const session = await openProducts(model, workload);
const loadSeconds = (performance.now() - startedAt) / 1000;
const random = createRandom(3);
const feeds = Object.fromEntries(
  inputs.map(({ name, shape }) => {
    const sizes = shape.map(Number);
    const values = Float32Array.from(
      { length: sizes.reduce((product, size) => product * size, 1) },
      () => random() - 0.5,
    );
    return [name, new Tensor('float32', values, sizes)];
  }),
);

await answerLines({ loadSeconds }, async () => {
  const runAt = performance.now();
  // One output is enough to be handed out; all nodes are run.
  await session.run(feeds, ['y.0']);
  return { runSeconds: (performance.now() - runAt) / 1000 };
});
await session.release();
