import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { LoraAdapter } from '#lib/lora/adapter/adapter.ts';
import { openGgufAdapter, readGgufAdapter, writeGgufAdapter } from '#lib/lora/adapter/gguf-adapter.ts';
import { writePeftAdapter } from '#lib/lora/adapter/peft-adapter.ts';
import {
  type DecoderConfig,
  readDecoderConfig,
  sizeOfModule,
  type TargetModule,
  targetModules,
} from '#lib/lora/architectures/architecture.ts';
import { openGguf } from '#lib/lora/gguf/read-gguf.ts';
import { type TinySizes, tinySizes, writeTinyBase } from '#lib/lora/testing/tiny-base.ts';

const script = fileURLToPath(new URL('../lora.ts', import.meta.url));

let folder: string;
let base: string;
let adapter: string;
let narrow: string;
let config: DecoderConfig;
const inFolder = (name: string) => path.join(folder, name);
const environment = (dataDir = inFolder('data')) => ({
  PATH: process.env['PATH'] ?? '',
  NODE_ENV: 'test' as const,
  LOREHOUSE_DATA_DIR: dataDir,
});

const otherBase = { baseSha256: 'f'.repeat(64), templateSha256: null };

function createAdapter(sizes: TinySizes, rank: number, modules: readonly TargetModule[] = targetModules): LoraAdapter {
  let seed = 0;
  const numbers = (count: number) => Float32Array.from({ length: count }, () => 0.1 * Math.sin(++seed));
  const layers = Array.from({ length: sizes.layerCount }, (_, layer) => layer);
  return {
    architecture: 'llama',
    alpha: 32,
    factors: layers.flatMap((layer) =>
      modules.map((module) => {
        const { inputs, outputs } = sizeOfModule(sizes, module);
        return { layer, module, rank, down: numbers(rank * inputs), up: numbers(outputs * rank) };
      }),
    ),
  };
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'lora-cli-'));
  [base, adapter, narrow] = [inFolder('base.gguf'), inFolder('adapter.gguf'), inFolder('narrow.gguf')];
  await writeTinyBase(base, 3);
  const gguf = await openGguf(base);
  config = readDecoderConfig(gguf);
  await gguf.close();
  await writeGgufAdapter(adapter, createAdapter(tinySizes, 3));
  await writeGgufAdapter(narrow, createAdapter(tinySizes, 2, ['v_proj']));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function runLora(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    encoding: 'utf8',
    env: environment(),
  });
  return { exitCode: status, stdout, stderr };
}

/** The last line of a run that is to succeed. */
function runJson(...args: readonly string[]): unknown {
  const { exitCode, stdout, stderr } = runLora(...args, '--json');
  if (exitCode !== 0) throw new Error(`exit code ${exitCode}: ${stdout}${stderr}`);
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
}

const hash = async (file: string) =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex');

// Each starts a program, which a busy machine makes wait.
vi.setConfig({ testTimeout: 60_000 });

describe('npm run lora', () => {
  it('says what it can do, and how a command ends', () => {
    const { exitCode, stdout } = runLora('--help');
    expect(exitCode).toBe(0);
    for (const command of ['train', 'resume', 'score', 'inspect', 'export', 'import', 'blend', 'merge'])
      expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    const help = runLora('merge', '--help');
    expect(help.exitCode).toBe(0);
    expect(help.stdout).toContain('Exit codes: 0 done, 1 the input was refused, 2 wrong usage');
  });

  it('inspect shows an adapter, its layers and whether it fits', async () => {
    const summary = runJson('inspect', narrow, '--base', base);
    expect(summary).toMatchObject({
      kind: 'adapter',
      format: 'gguf',
      architecture: 'llama',
      alpha: 32,
      sha256: await hash(narrow),
      base: { id: base, fits: true, misfit: null },
      tensors: [
        { layer: 0, module: 'v_proj', rank: 2, inputs: 32, outputs: 16, storedAs: 'F32' },
        { layer: 1, module: 'v_proj', rank: 2, inputs: 32, outputs: 16, storedAs: 'F32' },
      ],
    });
    // ‖alpha / rank · B·A‖ of the first layer, the long way.
    const { down, up } = createAdapter(tinySizes, 2, ['v_proj']).factors[0] ?? {};
    const update = Array.from({ length: 16 * 32 }, (_, at) => {
      const [row, column] = [Math.floor(at / 32), at % 32];
      return (
        16 * ((up?.[row * 2] ?? 0) * (down?.[column] ?? 0) + (up?.[row * 2 + 1] ?? 0) * (down?.[32 + column] ?? 0))
      );
    });
    expect(summary).toHaveProperty('tensors.0.updateNorm', expect.closeTo(Math.hypot(...update), 4));
    const lines = runLora('inspect', narrow).stdout.split('\n');
    expect(lines.find((line) => line.startsWith('v_proj'))).toMatch(/0-1 +2 +32 → 16 +F32/);
  });

  it('inspect shows what an adapter was trained on, and that it belongs to another base', async () => {
    const foreign = inFolder('inspected.gguf');
    await writeGgufAdapter(foreign, { ...createAdapter(tinySizes, 1), trainedOn: otherBase });
    expect(runJson('inspect', foreign, '--base', base)).toMatchObject({
      trainedOn: otherBase,
      base: { fits: false, misfit: expect.stringContaining(await hash(base)) },
    });
  });

  it('inspect shows a base', async () => {
    expect(runJson('inspect', base)).toMatchObject({
      kind: 'base',
      architecture: 'llama',
      sha256: await hash(base),
      decoder: { layerCount: 2, hiddenSize: 32 },
      types: [{ name: 'F32' }],
    });
  });

  it('export to PEFT and import from there give the same file', async () => {
    const peft = inFolder('peft');
    expect(runJson('export', adapter, '--base', base, '--out', peft, '--base-name', 'my/base')).toMatchObject({
      format: 'peft',
      baseName: 'my/base',
    });
    expect(JSON.parse(await readFile(path.join(peft, 'adapter_config.json'), 'utf8'))).toMatchObject({
      base_model_name_or_path: 'my/base',
      r: 3,
      lora_alpha: 32,
    });
    const again = inFolder('deep/again.gguf');
    expect(runJson('import', peft, '--base', base, '--out', again)).toMatchObject({
      tensors: 14,
      sha256: await hash(adapter),
    });
    expect(await readFile(again)).toEqual(await readFile(adapter));
  });

  it('export to F16 halves the numbers', async () => {
    const half = inFolder('half.gguf');
    runJson('export', adapter, '--base', base, '--format', 'gguf', '--precision', 'F16', '--out', half);
    const file = await openGgufAdapter(half);
    expect(file.factors.map(({ storedAs }) => storedAs)).toEqual(Array.from({ length: 14 }, () => 'F16'));
    await file.close();
  });

  it('inspect shows a PEFT directory', async () => {
    const peft = inFolder('described');
    await writePeftAdapter(peft, createAdapter(tinySizes, 3), config, { baseName: 'my/base', dropout: 0 });
    expect(runJson('inspect', peft)).toMatchObject({
      format: 'peft',
      architecture: null,
      baseName: 'my/base',
      alpha: 32,
    });
  });

  it('blend gives the exact sum', async () => {
    const sum = inFolder('sum.gguf');
    expect(runJson('blend', adapter, narrow, '--base', base, '--weights', '1,-0.5', '--out', sum)).toMatchObject({
      method: 'linear',
      rank: 5,
      relativeError: null,
    });
    const written = await readGgufAdapter(sum, config);
    expect(written).toMatchObject({ alpha: 64, factors: { length: 14, 0: { rank: 3 }, 2: { rank: 5 } } });
  });

  it('blend says what compression lost', () => {
    const ties = ['--method', 'ties', '--rank', '2', '--kept-share', '0.5'];
    const blended = runJson('blend', adapter, narrow, '--base', base, ...ties, '--out', inFolder('small.gguf'));
    expect(blended).toMatchObject({ method: 'ties', rank: 2, errors: { length: 14 } });
    expect(blended).toHaveProperty('relativeError', expect.closeTo(0.5, 0));
  });

  it('merge writes one model', async () => {
    const merged = inFolder('merged.gguf');
    const { exitCode, stderr, stdout } = runLora('merge', adapter, '--base', base, '--type', 'F16', '--out', merged);
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('merging: 100 %') });
    expect(stdout).toContain('14 of 21 tensors updated');
    const gguf = await openGguf(merged);
    expect(gguf.metadata.get('general.file_type')).toBe(1);
    expect(gguf.tensors.get('blk.0.attn_q.weight')?.type.name).toBe('F16');
    await gguf.close();
  });

  it('replaces only by force', async () => {
    const copy = inFolder('copy.gguf');
    await copyFile(adapter, copy);
    const args = ['import', narrow, '--base', base, '--out', copy];
    expect(runLora(...args)).toMatchObject({
      exitCode: 1,
      stderr: `lora: the file ${copy} exists; --force replaces it\n`,
    });
    expect(await readFile(copy)).toEqual(await readFile(adapter));
    expect(runLora(...args, '--force').exitCode).toBe(0);
    expect(await readFile(copy)).toEqual(await readFile(narrow));
  });

  it('never replaces what it reads', () => {
    const own = runLora('merge', adapter, '--base', base, '--out', base, '--force');
    expect(own).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('is read from') });
  });

  it.each([
    { why: 'no command', args: [], exitCode: 2, code: 'usage' },
    { why: 'an unknown option', args: ['inspect', 'BASE', '--nonsense'], exitCode: 2, code: 'usage' },
    { why: 'an unknown type', args: ['merge', 'ADAPTER', '--out', 'x', '--type', 'Q4_0'], exitCode: 2, code: 'usage' },
    {
      why: 'a scale that is no number',
      args: ['merge', 'ADAPTER', '--out', 'x', '--scale', 'much'],
      exitCode: 2,
      code: 'usage',
    },
    {
      why: 'weights for others',
      args: ['blend', 'ADAPTER', '--base', 'BASE', '--out', 'x', '--weights', '1,2'],
      exitCode: 2,
      code: 'input.invalid',
    },
    {
      why: 'ties without a rank',
      args: ['blend', 'ADAPTER', '--base', 'BASE', '--out', 'x', '--method', 'ties'],
      exitCode: 2,
      code: 'input.invalid',
    },
    { why: 'a file that is not there', args: ['inspect', '/no/such/file'], exitCode: 1, code: 'file.unusable' },
    { why: 'a file of another kind', args: ['inspect', 'TEXT'], exitCode: 1, code: 'gguf.malformed' },
    {
      why: 'a base where an adapter belongs',
      args: ['import', 'BASE', '--base', 'BASE', '--out', 'x'],
      exitCode: 1,
      code: 'adapter.invalid',
    },
    {
      why: 'an adapter of another base',
      args: ['import', 'WIDE', '--base', 'BASE', '--out', 'x'],
      exitCode: 1,
      code: 'adapter.invalid',
    },
    {
      why: 'to import what was trained on another base',
      args: ['import', 'FOREIGN', '--base', 'BASE', '--out', 'x'],
      exitCode: 1,
      code: 'adapter.base-mismatch',
    },
    {
      why: 'to blend what was trained on another base',
      args: ['blend', 'ADAPTER', 'FOREIGN', '--base', 'BASE', '--out', 'x'],
      exitCode: 1,
      code: 'adapter.base-mismatch',
    },
    {
      why: 'to score what was trained on another base',
      args: ['score', '--adapter', 'FOREIGN', '--base', 'BASE', '--data', 'TEXT'],
      exitCode: 1,
      code: 'adapter.base-mismatch',
    },
    {
      why: 'to merge what was trained on another base',
      args: ['merge', 'FOREIGN', '--base', 'BASE', '--out', 'x'],
      exitCode: 1,
      code: 'adapter.base-mismatch',
    },
    {
      why: 'an unknown base',
      args: ['import', 'ADAPTER', '--base', 'nonsense', '--out', 'x'],
      exitCode: 1,
      code: 'model.unknown',
    },
    {
      why: 'a base that is not here',
      args: ['import', 'ADAPTER', '--out', 'x'],
      exitCode: 1,
      code: 'model.not-downloaded',
    },
    {
      why: 'weights of 0',
      args: ['blend', 'ADAPTER', '--base', 'BASE', '--out', 'x', '--weights', '0'],
      exitCode: 1,
      code: 'blend.invalid',
    },
  ])('refuses $why', async ({ args, exitCode, code }) => {
    await writeFile(inFolder('text'), 'Once upon a time there was no model.');
    await writeGgufAdapter(inFolder('wide.gguf'), createAdapter({ ...tinySizes, hiddenSize: 64 }, 1));
    await writeGgufAdapter(inFolder('foreign.gguf'), { ...createAdapter(tinySizes, 1), trainedOn: otherBase });
    const places: Readonly<Record<string, string>> = {
      BASE: base,
      ADAPTER: adapter,
      TEXT: inFolder('text'),
      WIDE: inFolder('wide.gguf'),
      FOREIGN: inFolder('foreign.gguf'),
      x: inFolder('never.gguf'),
    };
    const before = await readdir(folder);
    const result = runLora(...args.map((arg) => places[arg] ?? arg), '--json');
    expect(result.exitCode).toBe(exitCode);
    expect(`${result.stdout}${result.stderr}`).not.toMatch(/^ +at /m);
    expect(JSON.parse(result.stdout)).toMatchObject({ error: { code, message: expect.any(String) } });
    expect(await readdir(folder)).toEqual(before);
  });

  it('tells an error of the program from one of its input', async () => {
    const data = await mkdtemp(path.join(os.tmpdir(), 'lora-cli-data-'));
    try {
      await writeFile(path.join(data, 'models.json'), '{');
      const result = spawnSync(process.execPath, [script, 'import', adapter, '--out', inFolder('never.gguf')], {
        encoding: 'utf8',
        env: environment(data),
      });
      expect(result).toMatchObject({
        status: 3,
        stderr: expect.stringMatching(/^lora: .*models\.json is not readable/),
      });
    } finally {
      await rm(data, { recursive: true });
    }
  });

  it('stops on SIGINT and leaves nothing half done', async () => {
    const sizes = { ...tinySizes, hiddenSize: 256, feedForwardSize: 256, layerCount: 6 };
    const [large, wide, out] = [inFolder('large-base.gguf'), inFolder('large.gguf'), inFolder('blended.gguf')];
    await writeTinyBase(large, 1, { sizes });
    // A decomposition of rank 160 takes long enough to be stopped in the middle of 42.
    await writeGgufAdapter(wide, createAdapter(sizes, 160, ['gate_proj', 'up_proj', 'down_proj']));
    const before = await readdir(folder);
    const child = spawn(process.execPath, [script, 'blend', wide, '--base', large, '--rank', '4', '--out', out], {
      env: environment(),
    });
    const ended = once(child, 'exit');
    child.stderr.once('data', () => child.kill('SIGINT'));
    expect((await ended)[0]).toBe(130);
    expect(await readdir(folder)).toEqual(before);
  });
});
