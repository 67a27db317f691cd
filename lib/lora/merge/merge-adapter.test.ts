import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LoraAdapter } from '../adapter/adapter.ts';
import { nameTensor, sizeOfModule, targetModules } from '../architectures/architecture.ts';
import { dequantise } from '../gguf/dequantise.ts';
import { type GgufFile, openGguf } from '../gguf/read-gguf.ts';
import { tinySizes, writeTinyBase } from '../testing/tiny-base.ts';
import { mergeAdapter } from './merge-adapter.ts';

/** Different ranks, and layer 1 untouched. */
function createAdapter(upSize: number): LoraAdapter {
  let seed = 0;
  const numbers = (count: number, size: number) => Float32Array.from({ length: count }, () => size * Math.sin(++seed));
  return {
    architecture: 'llama',
    alpha: 6,
    factors: targetModules.map((module, i) => {
      const { inputs, outputs } = sizeOfModule(tinySizes, module);
      const rank = 1 + (i % 3);
      return { layer: 0, module, rank, down: numbers(rank * inputs, 1), up: numbers(outputs * rank, upSize) };
    }),
  };
}

let folder: string;
let base: string;
let merged: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'merge-'));
  base = path.join(folder, 'base.gguf');
  merged = path.join(folder, 'merged.gguf');
  await writeTinyBase(base, 5);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function withBoth<T>(read: (before: GgufFile, after: GgufFile) => Promise<T>): Promise<T> {
  const before = await openGguf(base);
  const after = await openGguf(merged);
  try {
    return await read(before, after);
  } finally {
    await before.close();
    await after.close();
  }
}

async function readValues(gguf: GgufFile, name: string): Promise<Float32Array> {
  const tensor = gguf.tensors.get(name);
  if (!tensor) throw new Error(`${name} is missing`);
  return dequantise(tensor.type, await gguf.readTensorBytes(tensor));
}

/** W + scaling · B·A in double precision, row by row. */
function addUpdate(weight: Float32Array, { alpha, factors }: LoraAdapter, name: string, scale: number): number[] {
  const pair = factors.find(({ layer, module }) => nameTensor(layer, module) === name);
  if (!pair) return [...weight];
  const { rank, down, up } = pair;
  const inputs = down.length / rank;
  return [...weight].map((value, at) => {
    let update = 0;
    for (let k = 0; k < rank; k++)
      update += (up[Math.floor(at / inputs) * rank + k] ?? 0) * (down[k * inputs + (at % inputs)] ?? 0);
    return value + ((scale * alpha) / rank) * update;
  });
}

describe('mergeAdapter', () => {
  it('adds the update to the layers that the adapter names, and to nothing else', async () => {
    const adapter = createAdapter(0.1);
    const progress: number[] = [];
    const onProgress = (done: number, total: number) => progress.push(done / total);
    const result = await mergeAdapter(base, adapter, merged, { type: 'F32', scale: -0.5, onProgress });
    expect(result).toMatchObject({ adaptedTensors: 7, tensors: 21 });
    expect(progress.at(-1)).toBe(1);
    await withBoth(async (before, after) => {
      expect([...after.tensors.keys()]).toEqual([...before.tensors.keys()]);
      for (const { name, shape } of before.tensors.values()) {
        expect(after.tensors.get(name)?.shape).toEqual(shape);
        const wanted = addUpdate(await readValues(before, name), adapter, name, -0.5);
        const found = await readValues(after, name);
        expect(found).toHaveLength(wanted.length);
        expect(Math.max(...wanted.map((value, i) => Math.abs(value - (found[i] ?? Number.NaN))))).toBeLessThan(1e-6);
      }
    });
  });

  it.each([
    { why: 'B is zero', upSize: 0, scale: 1 },
    { why: 'the scale is 0', upSize: 1, scale: 0 },
  ])('is the base to the bit when $why', async ({ upSize, scale }) => {
    await mergeAdapter(base, createAdapter(upSize), merged, { type: 'F32', scale });
    await withBoth(async (before, after) => {
      for (const name of before.tensors.keys())
        expect(await readValues(after, name)).toEqual(await readValues(before, name));
    });
  });

  it('keeps every other line of the description as it was', async () => {
    await mergeAdapter(base, createAdapter(1), merged, { type: 'F16' });
    await withBoth(async (before, after) => {
      expect(before.metadata.size).toBeGreaterThan(8);
      for (const key of before.metadata.keys())
        expect(await after.readMetadataBytes(key)).toEqual(await before.readMetadataBytes(key));
      expect([...after.metadata.keys()]).toEqual([...before.metadata.keys(), 'general.file_type']);
      expect(after.metadata.get('general.file_type')).toBe(1);
    });
  });

  it('does not hand on the alignment of another file', async () => {
    await writeTinyBase(base, 5, { metadata: new Map([['general.alignment', { uint32: 32 }]]) });
    await mergeAdapter(base, createAdapter(1), merged, { type: 'F32' });
    await withBoth(async (before, after) => {
      expect(before.metadata.has('general.alignment')).toBe(true);
      expect(after.metadata.has('general.alignment')).toBe(false);
      expect(await readValues(after, 'token_embd.weight')).toEqual(await readValues(before, 'token_embd.weight'));
    });
  });

  it('writes matrices as Q8_0 within half a level, vectors as F32, and what does not fit its blocks as F16', async () => {
    const adapter = createAdapter(0.1);
    await mergeAdapter(base, adapter, merged, { type: 'Q8_0' });
    await withBoth(async (before, after) => {
      const typeOf = (name: string) => after.tensors.get(name)?.type.name;
      expect(typeOf('token_embd.weight')).toBe('Q8_0');
      expect(typeOf('blk.0.attn_norm.weight')).toBe('F32');
      // 48 inputs are one and a half blocks.
      expect(typeOf('blk.0.ffn_down.weight')).toBe('F16');
      const name = 'blk.0.attn_q.weight';
      const wanted = addUpdate(await readValues(before, name), adapter, name, 1);
      const found = await readValues(after, name);
      for (let block = 0; block < wanted.length; block += 32) {
        const values = wanted.slice(block, block + 32);
        const largest = Math.max(...values.map(Math.abs));
        const error = Math.max(...values.map((value, i) => Math.abs(value - (found[block + i] ?? 0))));
        // Half a level of 127, and the rounding of the scale to a half.
        expect(error).toBeLessThan(largest * (1 / 254 + 1 / 2048));
      }
    });
  });

  it.each([
    { why: 'another architecture', change: { architecture: 'qwen2' }, code: 'adapter.invalid' },
    {
      why: 'a layer that the base lacks',
      change: {
        factors: [{ layer: 2, module: 'q_proj', rank: 1, down: new Float32Array(32), up: new Float32Array(32) }],
      },
      code: 'adapter.invalid',
    },
    {
      why: 'sizes that are not the base’s',
      change: {
        factors: [{ layer: 0, module: 'q_proj', rank: 1, down: new Float32Array(31), up: new Float32Array(32) }],
      },
      code: 'adapter.invalid',
    },
    { why: 'an update beyond half precision', change: { alpha: 1e30 }, code: 'merge.out-of-range' },
  ] as const)('refuses $why and leaves no file', async ({ change, code }) => {
    const adapter = { ...createAdapter(1), ...change };
    await expect(mergeAdapter(base, adapter, merged, { type: 'F16' })).rejects.toMatchObject({ code });
    expect(await readdir(folder)).toEqual(['base.gguf']);
  });

  it('stops when it is told to and leaves no file', async () => {
    const stop = new AbortController();
    const options = { type: 'F32', signal: stop.signal, onProgress: () => stop.abort() } as const;
    await expect(mergeAdapter(base, createAdapter(1), merged, options)).rejects.toThrow('aborted');
    expect(await readdir(folder)).toEqual(['base.gguf']);
  });

  it('refuses a scale that is no number', async () => {
    const options = { type: 'F32', scale: Number.NaN } as const;
    await expect(mergeAdapter(base, createAdapter(1), merged, options)).rejects.toThrow('scaled by NaN');
  });
});
