import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '#lib/domain/errors.ts';
import { dequantise } from './dequantise.ts';
import { ggmlTypes } from './ggml-types.ts';
import { openGguf } from './read-gguf.ts';
import { type GgufMetadataInput, writeGguf } from './write-gguf.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'gguf-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const f32 = (values: readonly number[]) => new Uint8Array(Float32Array.from(values).buffer);

async function writeSample(name = 'sample.gguf'): Promise<string> {
  const file = path.join(folder, name);
  const metadata = new Map<string, GgufMetadataInput>([
    ['general.architecture', 'llama'],
    ['llama.block_count', { uint32: 2 }],
    ['llama.rope.freq_base', { float32: 10_000 }],
    ['tokenizer.ggml.tokens', { strings: ['<s>', 'a', 'ü'] }],
    ['tokenizer.ggml.scores', { float32s: [0, -1.5, 2] }],
    ['tokenizer.ggml.token_type', { int32s: [3, 1, -1] }],
    ['general.is_test', true],
  ]);
  await writeGguf(file, metadata, [
    { name: 'one.weight', shape: [3, 2], type: ggmlTypes.F32, pieces: () => [f32([1, 2, 3]), f32([4, 5, 6])] },
    { name: 'two.weight', shape: [32], type: ggmlTypes.Q8_0, pieces: () => [new Uint8Array(34).fill(1)] },
  ]);
  return file;
}

describe('GGUF', () => {
  it('reads what it writes', async () => {
    const gguf = await openGguf(await writeSample());
    expect(Object.fromEntries(gguf.metadata)).toEqual({
      'general.architecture': 'llama',
      'llama.block_count': 2,
      'llama.rope.freq_base': 10_000,
      'tokenizer.ggml.tokens': ['<s>', 'a', 'ü'],
      'tokenizer.ggml.scores': [0, -1.5, 2],
      'tokenizer.ggml.token_type': [3, 1, -1],
      'general.is_test': true,
    });
    const one = gguf.tensors.get('one.weight');
    const two = gguf.tensors.get('two.weight');
    if (!one || !two) throw new Error('tensors are missing');
    expect(one.shape).toEqual([3, 2]);
    expect([...dequantise(one.type, await gguf.readTensorBytes(one))]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...dequantise(one.type, await gguf.readTensorBytes(one, { start: 8, end: 16 }))]).toEqual([3, 4]);
    expect((await gguf.readTensorBytes(two)).every((byte) => byte === 1)).toBe(true);
    await gguf.close();
  });

  it('leaves no file when a tensor has too few bytes', async () => {
    const file = path.join(folder, 'short.gguf');
    const tensors = [{ name: 'x', shape: [4], type: ggmlTypes.F32, pieces: () => [f32([1])] }];
    await expect(writeGguf(file, new Map(), tensors)).rejects.toThrow('gave 4 bytes; its shape and type take 16');
    expect(await readdir(folder)).toEqual([]);
  });

  it('names an unknown tensor type', async () => {
    const file = path.join(folder, 'unknown.gguf');
    const type = { ...ggmlTypes.F32, code: 99 };
    await writeGguf(file, new Map(), [{ name: 'x', shape: [1], type, pieces: () => [f32([1])] }]);
    await expect(openGguf(file)).rejects.toMatchObject({ code: 'gguf.type-unsupported', details: { type: 99 } });
  });

  it.each([1, 2, 3, 4])(
    'answers 250 damaged files with a reason and never reads beyond them (part %i of 4)',
    async (seed) => {
      const whole = await readFile(await writeSample());
      const damaged = path.join(folder, 'damaged.gguf');
      let refusedCount = 0;
      const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 })), { maxLength: 6 });
      await fc.assert(
        fc.asyncProperty(damage, fc.nat(whole.length), async (changes, kept) => {
          const bytes = Buffer.from(whole);
          for (const [at, value] of changes) bytes[at] = value;
          await writeFile(damaged, bytes.subarray(0, kept));
          try {
            const gguf = await openGguf(damaged);
            for (const tensor of gguf.tensors.values()) await gguf.readTensorBytes(tensor);
            await gguf.close();
          } catch (error) {
            refusedCount++;
            if (!AppError.isInstance(error) || !error.code.startsWith('gguf.')) throw error;
          }
        }),
        { numRuns: 250, seed },
      );
      expect(refusedCount).toBeGreaterThan(125);
    },
  );
});
