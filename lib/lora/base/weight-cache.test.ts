import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dequantise } from '../gguf/dequantise.ts';
import { createBlocks } from '../gguf/dequantise-fixture.ts';
import { ggmlTypes } from '../gguf/ggml-types.ts';
import { writeGguf } from '../gguf/write-gguf.ts';
import { prepareBaseWeights } from './weight-cache.ts';

let folder: string;
let base: string;
const quantised = createBlocks(ggmlTypes.Q4_K, 6);

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'weights-'));
  base = path.join(folder, 'base.gguf');
  await writeGguf(base, new Map(), [
    { name: 'norm', shape: [3], type: ggmlTypes.F32, pieces: () => [new Uint8Array(Float32Array.of(1, 2, 3).buffer)] },
    { name: 'matrix', shape: [512, 3], type: ggmlTypes.Q4_K, pieces: () => [quantised] },
  ]);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('prepareBaseWeights', () => {
  it('lays every tensor out as f32, row by row, on page borders', async () => {
    const progress: number[] = [];
    const cacheDir = path.join(folder, 'cache');
    const onProgress = (done: number) => progress.push(done);
    const { dataFile, layout } = await prepareBaseWeights(base, 'abc', cacheDir, { onProgress });
    const bytes = await readFile(dataFile);
    const matrix = layout.tensors['matrix'];
    if (!matrix) throw new Error('the matrix is missing');
    expect(matrix).toEqual({ byteOffset: 4096, byteLength: 512 * 3 * 4, shape: [3, 512] });
    const values = new Float32Array(bytes.buffer, bytes.byteOffset + matrix.byteOffset, 512 * 3);
    expect(values).toEqual(dequantise(ggmlTypes.Q4_K, quantised));
    expect(progress.at(-1)).toBe(12 + 512 * 3 * 4);

    progress.length = 0;
    await prepareBaseWeights(base, 'abc', cacheDir, { onProgress });
    expect(progress).toEqual([]);
  });

  it('leaves nothing behind when it is stopped, and then works', async () => {
    const cacheDir = path.join(folder, 'cache');
    await expect(prepareBaseWeights(base, 'abc', cacheDir, { signal: AbortSignal.abort() })).rejects.toThrow(/aborted/);
    expect(await readdir(cacheDir)).toEqual([]);
    await prepareBaseWeights(base, 'abc', cacheDir);
    expect((await readdir(cacheDir)).sort()).toEqual(['abc.f32', 'abc.f32.json']);
  });
});
