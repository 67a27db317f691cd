import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '#lib/domain/errors.ts';
import { type DecoderConfig, sizeOfModule, targetModules } from '../architectures/architecture.ts';
import type { LoraAdapter } from './adapter.ts';
import { readGgufAdapter, writeGgufAdapter } from './gguf-adapter.ts';
import { readPeftAdapter, writePeftAdapter } from './peft-adapter.ts';
import { readAdapter } from './read-adapter.ts';
import { openSafetensors, writeSafetensors } from './safetensors.ts';

const llama: DecoderConfig = {
  architecture: 'llama',
  rotaryPairs: 'neighbours',
  hasAttentionBias: false,
  hasHeadNorm: false,
  layerCount: 2,
  hiddenSize: 16,
  headCount: 4,
  keyValueHeadCount: 2,
  headSize: 4,
  feedForwardSize: 24,
  vocabularySize: 10,
  contextTokens: 64,
  normEpsilon: 1e-5,
  rotaryBase: 10_000,
  rotarySize: 4,
  rotaryScale: 1,
  hasTiedHead: false,
};
const qwen: DecoderConfig = { ...llama, architecture: 'qwen2', rotaryPairs: 'halves', hasAttentionBias: true };

function createAdapter(config: DecoderConfig): LoraAdapter {
  let value = 0;
  const numbers = (count: number) => Float32Array.from({ length: count }, () => Math.sin(++value));
  return {
    architecture: config.architecture,
    alpha: 32,
    factors: [0, 1].flatMap((layer) =>
      targetModules.map((module) => {
        const { inputs, outputs } = sizeOfModule(config, module);
        const rank = module === 'down_proj' ? 2 : 3;
        return { layer, module, rank, down: numbers(rank * inputs), up: numbers(outputs * rank) };
      }),
    ),
  };
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'adapter-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const options = { baseName: 'tiny', dropout: 0.05 };

const keyOf = (module: string) => `base_model.model.model.layers.0.self_attn.${module}.lora_B.weight`;
const rowOf = (values: Float32Array | undefined, row: number) => [...(values ?? [])].slice(row * 3, row * 3 + 3);

describe('adapter files', () => {
  it.each([llama, qwen])('$architecture: GGUF to PEFT to GGUF changes no number', async (config) => {
    const adapter = createAdapter(config);
    const gguf = path.join(folder, 'one.gguf');
    await writeGgufAdapter(gguf, adapter);
    const fromGguf = await readGgufAdapter(gguf, config);
    expect(fromGguf).toEqual(adapter);
    const peft = path.join(folder, 'peft');
    await writePeftAdapter(peft, fromGguf, config, options);
    const again = path.join(folder, 'two.gguf');
    await writeGgufAdapter(again, await readPeftAdapter(peft, config));
    expect((await readFile(again)).equals(await readFile(gguf))).toBe(true);
  });

  it('turns the scale of a rank-stabilised adapter into one that GGUF readers apply', async () => {
    const adapter = createAdapter(llama);
    const peft = path.join(folder, 'peft');
    await writePeftAdapter(peft, adapter, llama, options);
    const configFile = path.join(peft, 'adapter_config.json');
    const config = JSON.parse(await readFile(configFile, 'utf8')) as object;
    await writeFile(configFile, JSON.stringify({ ...config, use_rslora: true }));
    const read = await readPeftAdapter(peft, llama);
    for (const [i, { rank, up }] of read.factors.entries()) {
      // PEFT: alpha / √rank · B, with the rank of the layer. GGUF: alpha / rank · B.
      const wanted = (adapter.factors[i]?.up ?? new Float32Array()).map((value) => (32 / Math.sqrt(rank)) * value);
      const served = up.map((value) => (read.alpha / rank) * value);
      expect(rank).toBe(adapter.factors[i]?.rank);
      expect(Math.max(...served.map((value, k) => Math.abs(value - (wanted[k] ?? 0))))).toBeLessThan(1e-4);
    }
    const gguf = path.join(folder, 'one.gguf');
    await writeGgufAdapter(gguf, read);
    const again = path.join(folder, 'again');
    await writePeftAdapter(again, await readGgufAdapter(gguf, llama), llama, options);
    // GGUF stores alpha as f32, where 32·√3 is rounded; the factors stay as they are.
    expect(await readPeftAdapter(again, llama)).toEqual({ ...read, alpha: Math.fround(read.alpha) });
  });

  it('refuses a key that names a layer a second time', async () => {
    const peft = path.join(folder, 'peft');
    const weights = path.join(peft, 'adapter_model.safetensors');
    await writePeftAdapter(peft, createAdapter(llama), llama, options);
    const tensors = [
      { name: keyOf('v_proj').replace('lora_B', 'lora_A'), shape: [1, 16], values: new Float32Array(16) },
      { name: keyOf('v_proj'), shape: [8, 1], values: new Float32Array(8) },
    ];
    await writeSafetensors(weights, tensors);
    expect((await readPeftAdapter(peft, llama)).factors).toHaveLength(1);
    for (const spelling of ['layers.00.self_attn', 'layers.0.mlp']) {
      const name = tensors[0]?.name.replace('layers.0.self_attn', spelling) ?? '';
      await writeSafetensors(weights, [...tensors, { name, shape: [1, 16], values: new Float32Array(16) }]);
      await expect(readPeftAdapter(peft, llama)).rejects.toThrow(`it holds ${name}, which is no LoRA factor`);
    }
  });

  it('refuses tensors that share bytes', async () => {
    const peft = path.join(folder, 'peft');
    const weights = path.join(peft, 'adapter_model.safetensors');
    await writePeftAdapter(peft, createAdapter(llama), llama, options);
    const entry = { dtype: 'F32', shape: [4], data_offsets: [0, 16] };
    const header = Buffer.from(JSON.stringify({ a: entry, b: entry }));
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(BigInt(header.length));
    await writeFile(weights, Buffer.concat([prefix, header, Buffer.alloc(16)]));
    await expect(readPeftAdapter(peft, llama)).rejects.toThrow('so they overlap');
  });

  it('keeps F16 files within half precision', async () => {
    const adapter = createAdapter(llama);
    const file = path.join(folder, 'half.gguf');
    await writeGgufAdapter(file, adapter, 'F16');
    const read = await readGgufAdapter(file, llama);
    expect(read.factors[0]?.up).toEqual(Float32Array.from(Float16Array.from(adapter.factors[0]?.up ?? [])));
  });

  it('puts the rows of a rotary head where PEFT expects them', async () => {
    const adapter = createAdapter(llama);
    const peft = path.join(folder, 'peft');
    await writePeftAdapter(peft, adapter, llama, options);
    const file = await openSafetensors(path.join(peft, 'adapter_model.safetensors'));
    const ranked = (module: string) =>
      adapter.factors.find((factors) => factors.layer === 0 && factors.module === module);
    const q = await file.entries.get(keyOf('q_proj'))?.read();
    const v = await file.entries.get(keyOf('v_proj'))?.read();
    // Head 1 (rows 4 to 7): the order 0 1 2 3 of a GGUF file is 0 2 1 3 with the halves apart.
    expect([4, 5, 6, 7].map((row) => rowOf(q, row))).toEqual(
      [4, 6, 5, 7].map((row) => rowOf(ranked('q_proj')?.up, row)),
    );
    expect(v).toEqual(ranked('v_proj')?.up);
    await file.close();
  });

  it('carries the hashes of base and template through both formats, and refuses another base with both', async () => {
    const trainedOn = { baseSha256: 'a'.repeat(64), templateSha256: 'b'.repeat(64) };
    const [file, peft, again] = ['said.gguf', 'said-peft', 'said-again.gguf'].map((name) => path.join(folder, name));
    if (file === undefined || peft === undefined || again === undefined) throw new Error('three paths');
    await writeGgufAdapter(file, { ...createAdapter(llama), trainedOn });
    await writePeftAdapter(peft, await readGgufAdapter(file, llama), llama, options);
    const config: object = JSON.parse(await readFile(path.join(peft, 'adapter_config.json'), 'utf8'));
    expect(JSON.stringify(config)).not.toContain('a'.repeat(64));
    await writeGgufAdapter(again, await readPeftAdapter(peft, llama));
    expect((await readFile(again)).equals(await readFile(file))).toBe(true);
    for (const source of [file, peft]) {
      expect((await readAdapter(source, { config: llama, sha256: 'a'.repeat(64) })).trainedOn).toEqual(trainedOn);
      await expect(readAdapter(source, { config: llama, sha256: 'c'.repeat(64) })).rejects.toMatchObject({
        code: 'adapter.base-mismatch',
        message: expect.stringMatching(/a{64}.*c{64}/),
      });
    }
    // What another program wrote into the directory later says nothing of its base.
    await writePeftAdapter(peft, createAdapter(llama), llama, options);
    expect(await readPeftAdapter(peft, llama)).not.toHaveProperty('trainedOn');
    await writeFile(path.join(peft, 'lorehouse.json'), '{"baseSha256":"x","templateSha256":null}');
    await expect(readPeftAdapter(peft, llama)).rejects.toMatchObject({ code: 'adapter.invalid' });
  });

  it('names what a foreign adapter has and what the base needs', async () => {
    const file = path.join(folder, 'other.gguf');
    await writeGgufAdapter(file, createAdapter(llama));
    await expect(readGgufAdapter(file, { ...llama, hiddenSize: 32, headSize: 8 })).rejects.toMatchObject({
      code: 'adapter.invalid',
      message: expect.stringContaining('this base needs A [rank, 32]'),
    });
    await expect(readGgufAdapter(file, qwen)).rejects.toThrow('it is for the architecture llama, the base is qwen2');
    await expect(readGgufAdapter(file, { ...llama, layerCount: 1 })).rejects.toThrow(
      'blk.1.attn_q.weight, which is no linear layer',
    );
  });

  it('refuses numbers that are not finite', async () => {
    const adapter = createAdapter(llama);
    const first = adapter.factors[0];
    if (first) first.up[5] = Number.NaN;
    const file = path.join(folder, 'nan.gguf');
    await writeGgufAdapter(file, adapter);
    await expect(readGgufAdapter(file, llama)).rejects.toThrow('holds NaN at position 5');
  });

  it('refuses PEFT kinds that cannot be served, with the field', async () => {
    const peft = path.join(folder, 'peft');
    await writePeftAdapter(peft, createAdapter(llama), llama, options);
    const configFile = path.join(peft, 'adapter_config.json');
    const config = JSON.parse(await readFile(configFile, 'utf8')) as object;
    await writeFile(configFile, JSON.stringify({ ...config, use_dora: true }));
    await expect(readPeftAdapter(peft, llama)).rejects.toThrow(/use_dora/);
    await writeFile(configFile, JSON.stringify({ ...config, modules_to_save: ['lm_head'] }));
    await expect(readPeftAdapter(peft, llama)).rejects.toThrow(/modules_to_save/);
  });

  describe.each([
    { format: 'GGUF', target: 'sound.gguf', headerBytes: 2_600 },
    { format: 'safetensors', target: 'peft/adapter_model.safetensors', headerBytes: 3_000 },
    { format: 'PEFT configuration', target: 'peft/adapter_config.json', headerBytes: 500 },
  ])('1,000 damaged files: $format', ({ format, target: name, headerBytes }) => {
    const damage = fc.array(fc.tuple(fc.nat(headerBytes), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 6,
    });

    it.each([1, 2, 3, 4])('are answered with a reason (part %i of 4)', async (seed) => {
      const peft = path.join(folder, 'peft');
      const gguf = path.join(folder, 'sound.gguf');
      await writePeftAdapter(peft, createAdapter(llama), llama, options);
      await writeGgufAdapter(gguf, createAdapter(llama));
      const target = path.join(folder, name);
      const whole = await readFile(target);
      const read = () => (format === 'GGUF' ? readGgufAdapter(gguf, llama) : readPeftAdapter(peft, llama));
      let refusedCount = 0;
      await fc.assert(
        fc.asyncProperty(damage, fc.boolean(), fc.nat(whole.length), async (changes, isCut, kept) => {
          const bytes = Buffer.from(whole);
          for (const [at, value] of changes) bytes[at] = value;
          await writeFile(target, isCut ? bytes.subarray(0, kept) : bytes);
          try {
            await read();
          } catch (error) {
            refusedCount++;
            if (!AppError.isInstance(error) || !/^(gguf|adapter)\./.test(error.code)) throw error;
          }
        }),
        { numRuns: 250, seed },
      );
      expect(refusedCount).toBeGreaterThan(200);
    });
  });
});
