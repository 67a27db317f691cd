import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NO_ANSWER } from '#lib/chat/prompt.ts';
import type { BaseTokenizer } from '#lib/lora/data/tokenizer.ts';
import { buildRecipeRows, formatHeldOut, formatRows } from './build-rows.ts';
import { holdsAnswer } from './grounded-rows.ts';
import { type Recipe, readCollections, readRecipe } from './recipe.ts';

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

const towns = ['Arden', 'Brask', 'Corley', 'Dunmore', 'Ester', 'Fallow'];
const articles = towns.flatMap((town, t) =>
  ['bridge', 'tower', 'market'].map((thing, i) => ({
    title: `${town}_town`,
    context: `The ${thing} of ${town} was built in ${1700 + 10 * t + i} by the guild of ${town}. It is ${20 + t + i} m long.`,
    question: `When was the ${thing} of ${town} built?`,
    answers: [String(1700 + 10 * t + i)],
    document: `${town}#${i}`,
  })),
);
const policies = [0, 1, 2].map((i) => ({
  _id: `shop${i}.com#0`,
  title: `shop${i}.com`,
  text: `We keep your orders for ${i + 2} years in our books. You may ask us to erase them.`,
}));
const policyAnswers = policies.map(({ _id }, i) => ({
  question: 'How long do you keep orders?',
  answers: [`for ${i + 2} years in our books`, 'yea', 'for'],
  document: _id,
}));

let folder: string;
let recipe: Recipe;
const toLines = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'recipe-'));
  const write = async (name: string, text: string) => {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), text);
    return { path: name, sha256: createHash('sha256').update(text).digest('hex'), source: 'here', licence: 'none' };
  };
  const known = await readRecipe(shipped);
  recipe = {
    ...known,
    files: {
      articles: await write('reading/articles.jsonl', toLines(articles)),
      policies: await write('policies.jsonl', toLines(policies)),
      policyAnswers: await write('answers.jsonl', toLines(policyAnswers)),
      own: await write('own.jsonl', await readFile(path.join(shipped, known.files.own.path), 'utf8')),
    },
    split: { heldOut: ['Arden town', 'Privacy policy of shop0.com'], validation: ['Brask town'] },
    mixture: {
      articleConversations: 4,
      articleMarkedConversations: 2,
      articleSingles: 3,
      articleRefusals: 2,
      policyConversations: 1,
      policySingles: 1,
      ownConversations: 3,
      ownMarkedConversations: 3,
      ownSingles: 8,
      validationSingles: 1,
      validationRefusals: 1,
    },
  };
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
      const passage = number === undefined ? shown : (shown.split(/\n\n(?=\[\d\] )/)[Number(number) - 1] ?? '');
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
