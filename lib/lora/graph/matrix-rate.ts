import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Tensor } from 'onnxruntime-node';
import { encodeOnnx } from './encode-onnx.ts';
import { type Device, openTrainingSession } from './open-session.ts';
import { linear } from './operations.ts';
import { Tape } from './tape.ts';

const ROWS = 512;
const NARROW = 2048;
const WIDE = 4096;
/** At least two, the first of which touches the memory; more while they are quick. */
const MIN_ROUNDS = 2;
const MAX_ROUNDS = 5;
const BUDGET_MS = 400;

const fill = (count: number) => new Float32Array(count).fill(1e-3);

/**
 * Rate of f32 matrix products of the size that training does, in floating-point operations a second (a multiply-add counts
 * as two): the best of a few, which together take under a second on two cores.
 */
export async function measureMatrixRate(threads: number, device: Device): Promise<number> {
  const tape = new Tape();
  const widen = tape.addInput('widen', [WIDE, NARROW]);
  const narrow = tape.addInput('narrow', [NARROW, WIDE]);
  tape.addOutput('y', linear(tape, linear(tape, tape.addInput('x', [ROWS, NARROW]), widen), narrow));
  const file = path.join(os.tmpdir(), `matrix-rate-${randomUUID()}.onnx`);
  try {
    await writeFile(file, encodeOnnx(tape.build()));
    const session = await openTrainingSession(file, { threads, device });
    const feeds = {
      x: new Tensor('float32', fill(ROWS * NARROW), [ROWS, NARROW]),
      widen: new Tensor('float32', fill(WIDE * NARROW), [WIDE, NARROW]),
      narrow: new Tensor('float32', fill(NARROW * WIDE), [NARROW, WIDE]),
    };
    let best = Number.POSITIVE_INFINITY;
    let spentMs = 0;
    for (let round = 0; round < MIN_ROUNDS || (round < MAX_ROUNDS && spentMs < BUDGET_MS); round++) {
      const startedAt = performance.now();
      await session.run(feeds);
      const roundMs = performance.now() - startedAt;
      best = Math.min(best, roundMs);
      spentMs += roundMs;
    }
    await session.release();
    return (4 * ROWS * NARROW * WIDE) / (best / 1000);
  } finally {
    await rm(file, { force: true });
  }
}
