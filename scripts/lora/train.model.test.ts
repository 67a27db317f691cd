import { type ChildProcess, spawn } from 'node:child_process';
import { appendFile, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadEnv } from '#lib/config/env.ts';
import { readTokenizerMetadata, tinySizes, writeTinyBase } from '#lib/lora/testing/tiny-base.ts';
import { resolveModel } from '#lib/models/model-store.ts';

/** The command line on a tiny base with the tokenizer and the chat template of the default one. */
let folder: string;
let basePath: string;
let dataPath: string;

/** So long that memory ends before it does. */
const CONTEXT_TOKENS = 131_072;

const rows = Array.from({ length: 24 }, (_, i) => ({
  messages: [
    { role: 'user', content: `What is the code of valve ${i}?` },
    { role: 'assistant', content: `The code of valve ${i} is ${i * 37}.` },
  ],
}));
const toLines = (items: readonly object[]) => items.map((item) => `${JSON.stringify(item)}\n`).join('');

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'lora-command-'));
  const model = await resolveModel('tinyllama-1.1b-chat-iq2', loadEnv().modelsDir);
  const metadata = await readTokenizerMetadata(model.files[0]?.path ?? '');
  basePath = path.join(folder, 'tiny.gguf');
  await writeTinyBase(basePath, 3, {
    metadata: new Map([...metadata, ['*.context_length', { uint32: CONTEXT_TOKENS }]]),
    sizes: { ...tinySizes, vocabularySize: 32_000 },
  });
  dataPath = path.join(folder, 'rows.jsonl');
  await writeFile(dataPath, toLines(rows));
  await mkdir(path.join(folder, 'occupied'));
  await writeFile(path.join(folder, 'occupied', 'run.json'), '{}');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  readonly exitCode: number | null;
  readonly lines: readonly Record<string, unknown>[];
  readonly stderr: string;
}

/** @param onLine called with each line of JSON that the command prints */
async function runLora(
  parameters: readonly string[],
  onLine: (line: Record<string, unknown>, child: ChildProcess) => void = () => undefined,
): Promise<Ended> {
  const child = spawn(process.execPath, ['scripts/lora.ts', ...parameters, '--json'], {
    env: { NODE_ENV: 'test', PATH: process.env['PATH'] ?? '', LOREHOUSE_DATA_DIR: path.join(folder, 'data') },
  });
  let stderr = '';
  child.stderr.on('data', (bytes: Buffer) => {
    stderr += bytes.toString();
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const lines: Record<string, unknown>[] = [];
  for await (const text of createInterface({ input: child.stdout })) {
    const line: Record<string, unknown> = JSON.parse(text);
    lines.push(line);
    onLine(line, child);
  }
  return { exitCode: await ended, lines, stderr };
}

const trainInto = (directory: string) =>
  [
    ['train', '--base', basePath, '--data', dataPath, '--out', directory, '--validation', `same=${dataPath}`],
    ['--max-steps', '24', '--checkpoint-interval', '3', '--validation-interval', '6', '--threads', '1'],
    ['--sequence-tokens', '128', '--learning-rate', '0.01'],
  ].flat();
const at = (name: string) => path.join(folder, name);
const stepOf = (line: Record<string, unknown>) => (line['event'] === 'step-finish' ? Number(line['step']) : 0);

describe('npm run lora -- train', () => {
  it('writes the adapter for both worlds, the report and the course of the run', async () => {
    const { exitCode, lines } = await runLora(trainInto(at('whole')));
    expect(exitCode).toBe(0);
    expect(lines[0]).toMatchObject({ event: 'run-prepare', estimate: { steps: 24 } });
    expect(lines.at(-1)).toMatchObject({ event: 'run-finish', outcome: 'finished', steps: 24 });
    const report: Record<string, unknown> = JSON.parse(await readFile(path.join(at('whole'), 'report.json'), 'utf8'));
    expect(Number(report['bestLoss'])).toBeLessThan(Number(report['baseLoss']));
    expect(await readdir(at('whole'))).toEqual(
      expect.arrayContaining(['adapter.gguf', 'checkpoints', 'events.jsonl', 'peft', 'report.json', 'run.json']),
    );
    const scores = await Promise.all(
      [[], ['--adapter', path.join(at('whole'), 'adapter.gguf')], ['--adapter', path.join(at('whole'), 'peft')]].map(
        async (adapter) =>
          (await runLora(['score', '--base', basePath, '--data', dataPath, ...adapter])).lines.at(-1)?.['meanNll'],
      ),
    );
    expect(scores[0]).toBeCloseTo(Number(report['baseLoss']), 4);
    expect(scores[1]).toBeCloseTo(Number(report['bestLoss']), 4);
    expect(scores[2]).toBeCloseTo(Number(report['bestLoss']), 4);
  });

  it('killed at any moment and resumed, ends with the same adapter to the byte', async () => {
    const expected = await readFile(path.join(at('whole'), 'adapter.gguf'));
    // Behind a checkpoint, right after one was announced, and before the first.
    for (const step of [11, 12, 2]) {
      const directory = at(`killed-${step}`);
      const killed = await runLora(trainInto(directory), (line, child) => {
        if (stepOf(line) === step) child.kill('SIGKILL');
      });
      expect(killed.exitCode).toBeNull();
      const resumed = await runLora(['resume', '--out', directory]);
      expect(resumed).toMatchObject({ exitCode: 0 });
      expect(await readFile(path.join(directory, 'adapter.gguf'))).toEqual(expected);
    }
  });

  it('stops on SIGTERM with a checkpoint of the last whole step', async () => {
    const directory = at('stopped');
    const stopped = await runLora(trainInto(directory), (line, child) => {
      if (stepOf(line) === 5) child.kill('SIGTERM');
    });
    expect(stopped.exitCode).toBe(130);
    const finish = stopped.lines.at(-1);
    expect(finish).toMatchObject({ event: 'run-finish', outcome: 'stopped' });
    const step = String(finish?.['steps']).padStart(7, '0');
    expect(await readdir(path.join(directory, 'checkpoints'))).toContain(`step-${step}.safetensors`);
    expect(await readdir(directory)).not.toContain('adapter.gguf');
  });

  it('refuses to resume on other data than the run began with', async () => {
    const directory = at('changed');
    const ownData = at('changed.jsonl');
    await cp(dataPath, ownData);
    const parameters = trainInto(directory).map((parameter) => (parameter === dataPath ? ownData : parameter));
    await runLora(parameters, (line, child) => {
      if (stepOf(line) === 4) child.kill('SIGKILL');
    });
    await appendFile(ownData, toLines(rows.slice(0, 1)));
    const { exitCode, lines } = await runLora(['resume', '--out', directory]);
    expect(exitCode).toBe(1);
    expect(lines.at(-1)).toMatchObject({ error: { code: 'training.input-changed' } });
  });

  it.each([
    ['no row that can be used', [{ messages: [] }, { text: '' }], [], 1, 'dataset.empty'],
    ['a directory that holds a run', rows, ['--out', 'occupied'], 1, 'training.run-exists'],
    [
      'more memory than there is',
      [{ text: 'valve '.repeat(60_000) }],
      ['--sequence-tokens', String(CONTEXT_TOKENS)],
      1,
      'training.memory-short',
    ],
    ['an option out of its range', rows, ['--dropout', '2'], 2, 'input.invalid'],
    ['an option that is no number', rows, ['--rank', 'many'], 2, 'usage'],
  ] as const)('refuses %s, with its code', async (name, content, extra, exitCode, code) => {
    const own = at(`${name}.jsonl`);
    await writeFile(own, toLines(content));
    const parameters = ['train', '--base', basePath, '--data', own, '--out', at(name), ...extra].map((parameter) =>
      parameter === 'occupied' ? at('occupied') : parameter,
    );
    const ended = await runLora(parameters);
    expect([ended.exitCode, ended.lines.at(-1)]).toMatchObject([exitCode, { error: { code } }]);
  });
});
