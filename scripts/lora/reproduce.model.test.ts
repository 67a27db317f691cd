import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadEnv } from '#lib/config/env.ts';
import { readManifest } from '#lib/lora/adapter/manifest.ts';
import { readTokenizerMetadata, tinySizes, writeTinyBase } from '#lib/lora/testing/tiny-base.ts';
import { trainConfigSchema } from '#lib/lora/train/train-config.ts';
import { hashFile } from '#lib/models/checksum.ts';
import { resolveModel } from '#lib/models/model-store.ts';
import type { Recipe } from './recipe/recipe.ts';
import { writeTestRecipe } from './recipe/test-recipe.ts';

/** The command on a tiny base with the tokenizer and the chat template of the default one. */
let folder: string;
let base: string;
let recipeDir: string;
let recipe: Recipe;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'reproduce-'));
  const model = await resolveModel('tinyllama-1.1b-chat-iq2', loadEnv().modelsDir);
  const metadata = await readTokenizerMetadata(model.files[0]?.path ?? '');
  base = path.join(folder, 'tiny.gguf');
  await writeTinyBase(base, 3, { metadata, sizes: { ...tinySizes, vocabularySize: 32_000 } });
  recipeDir = path.join(folder, 'short-answers');
  recipe = await writeTestRecipe(recipeDir, {
    base: { id: 'tiny', sha256: await hashFile(base) },
    config: trainConfigSchema.parse({ lora: { rank: 4, dropout: 0 }, maxSteps: 4, validationInterval: 2 }),
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function reproduce(out: string, ...parameters: readonly string[]) {
  const place = ['--datasets', recipeDir, '--out', path.join(folder, out), '--base', base, '--threads', '1', '--json'];
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['scripts/lora.ts', 'reproduce', recipeDir, ...place, ...parameters],
    {
      encoding: 'utf8',
      env: { NODE_ENV: 'test', PATH: process.env['PATH'] ?? '', LOREHOUSE_DATA_DIR: path.join(folder, 'data') },
    },
  );
  if (status !== 0) throw new Error(`exit code ${status}: ${stdout}${stderr}`);
  const result: unknown = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
  return result;
}

it('trains an adapter from a recipe, ships it, and makes the same bytes another time', async () => {
  expect(reproduce('rows', '--rows-only')).toMatchObject({ isSameRows: false, count: expect.any(Number) });
  const first = reproduce('first', '--ship');
  expect(first).toMatchObject({ event: 'reproduce-finish', shippedSha256: null, isSameRows: false });
  const manifest = await readManifest(recipeDir);
  expect(manifest).toMatchObject({
    name: 'short-answers',
    base: { id: 'tiny', sha256: await hashFile(base) },
    file: { name: 'adapter.gguf', sha256: await hashFile(path.join(recipeDir, 'adapter.gguf')) },
    promptVersions: ['grounded-1', 'instruct-1'],
    training: { totalSteps: 4, baseLoss: expect.any(Number) },
  });
  expect(reproduce('second')).toMatchObject({ isSameBytes: true, shippedSha256: manifest.file.sha256 });
  await writeTestRecipe(recipeDir, { ...recipe, config: { ...recipe.config, maxSteps: 5 } });
  expect(() => reproduce('second')).toThrow(/exit code 1.*training\.input-changed/);
  const heldOut = await readFile(path.join(folder, 'second', 'held-out-articles.jsonl'), 'utf8');
  expect(heldOut.trim().split('\n')).toHaveLength(3);
}, 120_000);
