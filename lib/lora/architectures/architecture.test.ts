import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openGguf } from '../gguf/read-gguf.ts';
import type { GgufMetadataInput } from '../gguf/write-gguf.ts';
import { type TinyBaseOptions, tinySizes, writeTinyBase } from '../testing/tiny-base.ts';
import { type DecoderConfig, readDecoderConfig } from './architecture.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'architecture-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let files = 0;
/** @param rename changes the name under which a tensor is found */
async function readConfig(
  options: TinyBaseOptions,
  rename: (name: string) => string = (name) => name,
): Promise<DecoderConfig> {
  const file = path.join(folder, `${files++}.gguf`);
  await writeTinyBase(file, 1, options);
  const gguf = await openGguf(file);
  await gguf.close();
  const tensors = new Map([...gguf.tensors].map(([name, tensor]) => [rename(name), tensor] as const));
  return readDecoderConfig({ ...gguf, tensors });
}
const withMetadata = (...entries: readonly (readonly [string, GgufMetadataInput])[]) => ({
  metadata: new Map(entries),
});

describe('readDecoderConfig', () => {
  it('reads the sizes and what sets the families apart', async () => {
    const llama = await readConfig({});
    expect(llama).toMatchObject({ ...tinySizes, rotaryPairs: 'neighbours', hasTiedHead: false, rotaryScale: 1 });
    const qwen2 = await readConfig({ architecture: 'qwen2', hasTiedHead: true });
    expect(qwen2).toMatchObject({ rotaryPairs: 'halves', hasAttentionBias: true, hasTiedHead: true });
    expect(await readConfig({ architecture: 'qwen3' })).toMatchObject({ hasAttentionBias: false, hasHeadNorm: true });
  });

  it.each([
    [
      4,
      [
        ['*.rope.scaling.type', 'linear'],
        ['*.rope.scaling.factor', { float32: 4 }],
      ],
    ],
    [4, [['*.rope.scaling.factor', { float32: 4 }]]],
    [4, [['*.rope.scale_linear', { float32: 4 }]]],
    [
      1,
      [
        ['*.rope.scaling.type', 'none'],
        ['*.rope.scaling.factor', { float32: 4 }],
      ],
    ],
    [1, [['*.rope.scaling.type', 'linear']]],
  ] as const)('divides positions by %d for %j', async (expected, entries) => {
    expect((await readConfig(withMetadata(...entries))).rotaryScale).toBe(expected);
  });

  it.each([
    ['architecture is falcon; supported: llama', withMetadata(['general.architecture', 'falcon']), /^$/, ''],
    ['by yarn; supported', withMetadata(['*.rope.scaling.type', 'yarn']), /^$/, ''],
    ['embedding by 2', withMetadata(['*.rope.scaling.attn_factor', { float32: 2 }]), /^$/, ''],
    ['keys of 8 and values of 4', withMetadata(['*.attention.value_length', { uint32: 4 }]), /^$/, ''],
    ['4 query heads do not divide among 3', withMetadata(['*.attention.head_count_kv', { uint32: 3 }]), /^$/, ''],
    ['a tensor blk.2.attn_norm.weight', {}, /blk.1.attn_norm/, 'blk.2.attn_norm'],
    ['a tensor output.bias', {}, /output_norm.weight/, 'output.bias'],
    ['a tensor blk.0.ffn_gate_exps.weight', {}, /ffn_gate/, 'ffn_gate_exps'],
  ] as const)(
    'refuses what the graph would compute otherwise than the server: %s',
    async (reason, options, from, to) => {
      await expect(readConfig(options, (name) => name.replace(from, to))).rejects.toThrow(reason);
    },
  );
});
