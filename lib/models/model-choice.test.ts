import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadEnv } from '#lib/config/env.ts';
import { chooseModels, readModelChoice, useModel } from './model-choice.ts';

let dataDir: string;

beforeEach(async () => {
  dataDir = await mkdtemp(path.join(os.tmpdir(), 'lorehouse-choice-'));
});

afterEach(() => rm(dataDir, { recursive: true, force: true }));

const settings = (env: Record<string, string> = {}) => loadEnv({ LOREHOUSE_DATA_DIR: dataDir, ...env });

test('without a choice the defaults are in force', async () => {
  expect(await readModelChoice(dataDir)).toEqual({});
  const { baseModel, embeddingModel } = loadEnv({});
  expect(await chooseModels(settings())).toEqual({ baseModel, embeddingModel });
});

test('a choice is kept per role and wins over the default', async () => {
  await useModel(dataDir, 'qwen3-4b-q4');
  await useModel(dataDir, 'bge-small-en-v1.5-int8');
  expect(await chooseModels(settings())).toEqual({
    baseModel: 'qwen3-4b-q4',
    embeddingModel: 'bge-small-en-v1.5-int8',
  });
});

test('the environment wins over the choice, even when it names the default', async () => {
  await useModel(dataDir, 'qwen3-4b-q4');
  const { baseModel } = loadEnv({});
  expect((await chooseModels(settings({ BASE_MODEL: baseModel }))).baseModel).toBe(baseModel);
  expect((await chooseModels(settings({ BASE_MODEL: '' }))).baseModel).toBe('qwen3-4b-q4');
});

test('a path needs a role and is stored absolute', async () => {
  await expect(useModel(dataDir, './mine.gguf')).rejects.toThrow(/--as base/);
  expect(await useModel(dataDir, './mine.gguf', 'base')).toEqual({ base: path.resolve('./mine.gguf') });
});

test('unknown ids and rerankers are refused and change nothing', async () => {
  await expect(useModel(dataDir, 'gpt-9')).rejects.toThrow(/no model is called "gpt-9"/);
  await expect(useModel(dataDir, 'bge-reranker-v2-m3-q8')).rejects.toThrow(/a reranker cannot be chosen/);
  expect(await readModelChoice(dataDir)).toEqual({});
});

test('a damaged choice stops the start instead of running another model', async () => {
  await writeFile(path.join(dataDir, 'models.json'), '{"base": 7}');
  await expect(chooseModels(settings())).rejects.toThrow(/models\.json is not readable/);
});
