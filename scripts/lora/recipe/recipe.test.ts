import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NO_ANSWER } from '#lib/chat/prompt.ts';
import type { BaseTokenizer } from '#lib/lora/data/tokenizer.ts';
import { buildRecipeRows, formatHeldOut, formatRows } from './build-rows.ts';
import { holdsAnswer } from './grounded-rows.ts';
import { type Recipe, readCollections, readRecipe } from './recipe.ts';
import { writeTestRecipe } from './test-recipe.ts';

const shipped = path.join(import.meta.dirname, '../../../adapters/grounded-answers');

/** A word is a token; a message costs four more. */
const tokenizer: BaseTokenizer = {
  templateSha256: 'a'.repeat(64),
  tokenizeConversation: (messages) => ({
    tokens: new Int32Array(messages.reduce((sum, { content }) => sum + content.split(/\s+/).length + 4, 0)),
    isLearned: new Uint8Array(),
  }),
  tokenizeText: (text) => ({ tokens: new Int32Array(text.split(/\s+/).length + 2), isLearned: new Uint8Array() }),
};

let folder: string;
let recipe: Recipe;

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'recipe-'));
  recipe = await writeTestRecipe(folder);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const build = async () => buildRecipeRows(recipe, await readCollections(recipe, folder, folder), tokenizer);

describe('the rows of a recipe', () => {
  it('are the same each time, and use nothing of what is held out', async () => {
    const [rows, again] = [await build(), await build()];
    expect(formatRows(again.train)).toEqual(formatRows(rows.train));
    const text = formatRows([...rows.train, ...rows.validation]).text;
    expect(text).not.toContain('Arden');
    expect(text).not.toContain('shop0.com');
    expect(formatRows(rows.train).text).not.toContain('Brask');
    expect(formatRows(rows.validation).text).toContain('Brask');
    const { articles: passages } = await readCollections(recipe, folder, folder);
    const asked = formatHeldOut(rows.heldOut, passages).trim().split('\n');
    expect(asked).toHaveLength(3);
    expect(asked[0]).toContain('Arden');
  });

  it('answer with words of their passages, refuse where these hold none, and mark sources where they are numbered', async () => {
    const { train } = await build();
    const said = train.flatMap(({ messages }) =>
      messages.flatMap(({ role, content }) =>
        role === 'assistant'
          ? [{ content, shown: messages.find((first) => first.role === 'user')?.content ?? '' }]
          : [],
      ),
    );
    expect(said.filter(({ content }) => content === NO_ANSWER).length).toBeGreaterThan(4);
    expect(said.filter(({ content }) => / \[\d\]$/.test(content)).length).toBeGreaterThan(4);
    for (const { content, shown } of said) {
      if (content === NO_ANSWER) continue;
      const [, answer = '', number] = /^(.*?)(?: \[(\d)\])?$/.exec(content) ?? [];
      const parts = shown.split(/\n\n(?=\[\d\] )/);
      const passage = number === undefined ? shown : parts.find((part) => part.startsWith(`[${number}] `));
      if (passage === undefined) throw new Error(`no passage ${number} in ${shown}`);
      expect(holdsAnswer(passage, [answer]), `${content} in ${passage}`).toBe(true);
    }
  });

  it('are refused over other data, with both hashes', async () => {
    await writeFile(path.join(folder, 'policies.jsonl'), '{}\n');
    await expect(build()).rejects.toMatchObject({
      code: 'training.input-changed',
      message: expect.stringContaining(recipe.files.policies.sha256),
    });
  });
});

describe('adapters/grounded-answers', () => {
  it('names its own passages by their bytes, and every answer stands in its passage', async () => {
    const { files } = await readRecipe(shipped);
    const bytes = await readFile(path.join(shipped, files.own.path));
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(files.own.sha256);
    const { own } = await readCollections({ ...recipe, files: { ...recipe.files, own: files.own } }, shipped, folder);
    for (const { text, questions } of own)
      for (const { answers } of questions) for (const answer of answers) expect(text).toContain(answer);
  });
});
