import { createHash } from 'node:crypto';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError, invalidInput } from '#lib/domain/errors.ts';
import { type DatasetOptions, readDataset, type TokenizedDataset } from './read-dataset.ts';
import type { BaseTokenizer, TrainingMessage } from './tokenizer.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'dataset-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Control tokens lie beyond Unicode. */
const [BOS, TURN, END] = [0x11_0000, 0x11_0001, 0x11_0002];
const codesOf = (text: string) => Array.from(text, (character) => character.codePointAt(0) ?? 0);
/** One token a character; a message is TURN, its characters, END. */
const tokenizer: BaseTokenizer = {
  templateSha256: '0'.repeat(64),
  tokenizeConversation(messages: readonly TrainingMessage[]) {
    if (messages[0]?.role === 'assistant') throw invalidInput('the assistant may not begin');
    const turns = messages.map(({ role, content }) => ({ role, tokens: [TURN, ...codesOf(content), END] }));
    const learned = turns.flatMap(({ role, tokens }) => tokens.map((_, i) => (role === 'assistant' && i > 0 ? 1 : 0)));
    return {
      tokens: Int32Array.from([BOS, ...turns.flatMap(({ tokens }) => tokens)]),
      isLearned: Uint8Array.from([0, ...learned]),
    };
  },
  tokenizeText(text) {
    const tokens = Int32Array.from([BOS, ...codesOf(text), END]);
    return { tokens, isLearned: new Uint8Array(tokens.length).fill(1, 1) };
  },
};

const defaults: DatasetOptions = { sequenceTokens: 60, isLossOnAssistantOnly: true };
async function read(
  name: string,
  content: string | Uint8Array,
  options: Partial<DatasetOptions> = {},
): Promise<TokenizedDataset> {
  const file = path.join(folder, name);
  await writeFile(file, content);
  return readDataset(file, tokenizer, { ...defaults, ...options });
}
async function fail(name: string, content: string | Uint8Array): Promise<AppError> {
  const error: unknown = await read(name, content).catch((caught: unknown) => caught);
  if (!AppError.isInstance(error)) throw new Error(`expected an AppError, got ${String(error)}`);
  return error;
}

const chat = (...words: readonly string[]) =>
  JSON.stringify({
    messages: words.map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content })),
  });
const textOf = (tokens: Iterable<number>) =>
  Array.from(tokens, (token) => (token < BOS ? String.fromCodePoint(token) : '|')).join('');
const learnedText = ({ tokens, isLearned }: { tokens: Int32Array; isLearned: Uint8Array }) =>
  textOf(tokens.filter((_, i) => isLearned[i] === 1));

describe('readDataset: chat', () => {
  it('reads conversations and texts, with the learned tokens and the hash of the file', async () => {
    const content = `${chat('Hi?', 'Yes.')}\n${JSON.stringify({ text: 'plain', messages: undefined })}\n`;
    const { examples, problems, rowCount, sha256 } = await read('rows.jsonl', content);
    expect(examples.map(({ line, tokens }) => [line, textOf(tokens)])).toEqual([
      [1, '||Hi?||Yes.|'],
      [2, '|plain|'],
    ]);
    expect(examples.map(learnedText)).toEqual(['Yes.|', 'plain|']);
    expect([problems, rowCount]).toEqual([[], 2]);
    expect(sha256).toBe(createHash('sha256').update(content).digest('hex'));
  });

  it('learns everything but the first token when the loss is not on the assistant only', async () => {
    const { examples } = await read('rows.jsonl', chat('Hi?', 'Yes.'), { isLossOnAssistantOnly: false });
    expect(examples.map(learnedText)).toEqual(['|Hi?||Yes.|']);
    expect(examples[0]?.isLearned[0]).toBe(0);
  });

  it('ignores other fields, takes contents in parts, and knows the newer name of the system role', async () => {
    const row = {
      id: 7,
      messages: [
        { role: 'developer', content: 'S', name: 'x' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'a' },
            { type: 'text', text: 'b' },
          ],
        },
        { role: 'assistant', content: 'c', weight: 1 },
      ],
      tools: [],
    };
    const { examples } = await read('rows.jsonl', JSON.stringify(row));
    expect(examples.map(({ tokens }) => textOf(tokens))).toEqual(['||S||ab||c|']);
  });

  it('names every row that it leaves out, with its line and the reason', async () => {
    const rows: readonly (readonly [row: string, kind: string, reason: string])[] = [
      ['{"messages": [', 'malformed', 'no valid JSON'],
      ['[1]', 'malformed', 'is a JSON array'],
      ['"text"', 'malformed', 'no JSON object'],
      ['{}', 'malformed', 'neither "messages" nor "text"'],
      ['{"text": 1}', 'malformed', '"text" is no string'],
      ['{"messages": {}}', 'malformed', '"messages" is no list'],
      ['{"messages": [{"role": "tool", "content": "x"}]}', 'malformed', 'messages[0].role: expected system'],
      ['{"messages": [{"role": "user", "content": null}]}', 'malformed', 'messages[0].content: expected a role'],
      ['{"messages": [3]}', 'malformed', 'messages[0]: expected a role'],
      [String.raw`{"text": "\ud800"}`, 'malformed', 'half of a surrogate pair'],
      ['{"messages": [{"role": "assistant", "content": "x"}]}', 'malformed', 'may not begin'],
      ['', 'empty', 'a blank line'],
      ['{"messages": []}', 'empty', '"messages" is empty'],
      ['{"text": " \\n"}', 'empty', '"text" is empty'],
      [chat('x', ' '), 'empty', 'messages[1] (assistant) has no content'],
      [chat('x'.repeat(50), 'y'.repeat(50)), 'too-long', 'has 105 tokens; a sequence holds 60'],
      [chat('only a question'), 'nothing-to-learn', 'no assistant message'],
    ];
    const { examples, problems, rowCount } = await read(
      'rows.jsonl',
      [chat('a', 'b'), ...rows.map(([row]) => row)].join('\n'),
    );
    expect(problems.map(({ line, kind }) => [line, kind])).toEqual(rows.map(([, kind], i) => [i + 2, kind]));
    for (const [i, [, , reason]] of rows.entries()) expect(problems[i]?.reason).toContain(reason);
    expect([examples.length, rowCount]).toEqual([1, rows.length + 1]);
  });

  it('takes CR LF, a byte-order mark and a last line without an end', async () => {
    const { examples, problems } = await read('rows.jsonl', `\uFEFF${chat('a', 'b')}\r\n${chat('c', 'd')}`);
    expect(examples.map(({ line, tokens }) => [line, textOf(tokens)])).toEqual([
      [1, '||a||b|'],
      [2, '||c||d|'],
    ]);
    expect(problems).toEqual([]);
  });

  it('names a line that is no UTF-8 and reads on', async () => {
    const content = Buffer.concat([
      Buffer.from('{"text": "'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from(`"}\n${chat('a', 'b')}`),
    ]);
    const { examples, problems } = await read('rows.jsonl', content);
    expect(problems).toEqual([{ line: 1, kind: 'malformed', reason: 'is no valid UTF-8' }]);
    expect(examples.map(({ line }) => line)).toEqual([2]);
  });

  it('refuses a line of 100 MB by its number, in bounded memory', async () => {
    const file = path.join(folder, 'rows.jsonl');
    const handle = await open(file, 'w');
    const block = Buffer.alloc(1024 * 1024, 'x');
    await handle.appendFile(`${chat('a', 'b')}\n{"text": "`);
    for (let i = 0; i < 100; i++) await handle.appendFile(block);
    await handle.appendFile(`"}\n${chat('c', 'd')}\n`);
    await handle.close();
    let peakBytes = 0;
    const watch = setInterval(() => (peakBytes = Math.max(peakBytes, process.memoryUsage().arrayBuffers)), 1);
    const before = process.memoryUsage().arrayBuffers;
    const { examples, problems } = await readDataset(file, tokenizer, defaults);
    clearInterval(watch);
    expect(problems).toEqual([{ line: 2, kind: 'too-long', reason: 'is longer than 4 MiB' }]);
    expect(examples.map(({ line }) => line)).toEqual([1, 3]);
    expect(peakBytes - before).toBeLessThan(64 * 1024 * 1024);
  });

  it('counts every line of any file as an example or a problem', async () => {
    const row = fc.oneof(
      fc.constantFrom(
        '',
        ' ',
        '{',
        chat('a', 'b'),
        chat('a'),
        chat('x'.repeat(99), 'y'),
        '{"text": "🙂"}',
        '🙂',
        '\uFEFF',
      ),
      fc.string({ unit: 'binary-ascii', maxLength: 20 }).map((text) => text.replaceAll('\n', '')),
      fc.json({ maxDepth: 2 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 12 }), async (rows) => {
        const lines = [chat('a', 'b'), ...rows, '{'];
        const { examples, problems, rowCount } = await read('rows.jsonl', lines.join('\n'));
        expect(rowCount).toBe(lines.length);
        const seen = [...examples, ...problems].map(({ line }) => line).toSorted((a, b) => a - b);
        expect(seen).toEqual(lines.map((_, i) => i + 1));
      }),
      { numRuns: 25 },
    );
  });
});

const wordsOf = (text: string) => text.replaceAll('\uFEFF', '').split(/\s+/).filter(Boolean).join('');

const piecesOf = (dataset: TokenizedDataset) =>
  dataset.examples.map(({ line, tokens }) => [line, textOf(tokens.slice(1, -1))]);

describe('readDataset: text', () => {
  it('fills sequences with whole paragraphs', async () => {
    const paragraphs = ['one '.repeat(6), 'two '.repeat(6), 'three '.repeat(6)].map((text) => text.trim());
    const dataset = await read('notes.md', `\n${paragraphs.join('\n\n\n')}\n`);
    expect(piecesOf(dataset)).toEqual([
      [2, `${paragraphs[0]}\n\n${paragraphs[1]}`],
      [8, paragraphs[2]],
    ]);
    expect(dataset.examples.map(learnedText)[1]).toBe(`${paragraphs[2]}|`);
  });

  it('cuts a long paragraph between lines, a long line between sentences, a long sentence between words', async () => {
    const lines = ['A first line of the list.', 'A second line of the list.', 'A third one. '.repeat(6).trim()];
    const dataset = await read('list.txt', lines.join('\r\n'));
    expect(piecesOf(dataset)).toEqual([
      [1, 'A first line of the list.\nA second line of the list.'],
      [3, 'A third one. A third one. A third one. A third one. '],
      [3, 'A third one. A third one.'],
    ]);
    const sentence = await read('sentence.txt', 'word '.repeat(30));
    const words = sentence.examples.map(({ tokens }) => textOf(tokens.slice(1, -1)));
    expect(words.join('')).toBe('word '.repeat(30));
    expect(words.length).toBeLessThanOrEqual(5);
  });

  it('names a word that no sequence can hold, and a line that is no UTF-8', async () => {
    const content = Buffer.concat([
      Buffer.from(`Good.\n`),
      Buffer.from([0xff, 0x0a]),
      Buffer.from(`${'x'.repeat(61)}\n\nFine.`),
    ]);
    const dataset = await read('notes.txt', content);
    expect(piecesOf(dataset)).toEqual([
      [1, 'Good.'],
      [5, 'Fine.'],
    ]);
    expect(dataset.problems.map(({ line, kind }) => [line, kind])).toEqual([
      [2, 'malformed'],
      [3, 'too-long'],
    ]);
    expect(dataset.rowCount).toBe(4);
  });

  it('loses no word, whatever the text', async () => {
    const word = fc.constantFrom('a', 'Bc', 'def.', 'ghij', '\n', '\n\n', ' ', '.', '\uFEFF', '🙂', 'x'.repeat(40));
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 80 }), async (words) => {
        const content = `Start. ${words.join(' ')}`;
        const dataset = await read('notes.txt', content);
        const kept = dataset.examples.map(({ tokens }) => textOf(tokens.slice(1, -1))).join(' ');
        expect(wordsOf(kept)).toBe(wordsOf(content));
        for (const { tokens } of dataset.examples) expect(tokens.length).toBeLessThanOrEqual(defaults.sequenceTokens);
      }),
      { numRuns: 60 },
    );
  });
});

describe('readDataset: files that give nothing', () => {
  it('counts why no row can be used and gives the first reasons', async () => {
    const error = await fail('rows.jsonl', `{\n\n${chat('q')}\n{`);
    expect(error.code).toBe('dataset.empty');
    expect(error.message).toContain('2 malformed, 1 empty, 1 nothing-to-learn of 4');
    expect(error.message).toContain('line 1 is no valid JSON; line 2 is a blank line; line 3 has no token to learn');
    expect(error.details).toMatchObject({ rowCount: 4, malformed: 2, empty: 1, 'nothing-to-learn': 1 });
  });

  it.each(['rows.jsonl', 'notes.txt'])('says of an empty %s that it has no rows', async (name) => {
    expect((await fail(name, '')).message).toContain('has no rows');
    expect((await fail(name, '\uFEFF')).code).toBe('dataset.empty');
  });

  it('says that a file is missing, or a directory', async () => {
    for (const name of ['missing.jsonl', 'missing.csv', '.']) {
      const reading = readDataset(path.join(folder, name), tokenizer, defaults);
      await expect(reading).rejects.toMatchObject({ code: 'dataset.unreadable' });
    }
  });

  it('takes a file of another extension for chat only when it begins like it', async () => {
    expect((await read('rows.json', `\uFEFF \n${chat('a', 'b')}`)).examples).toHaveLength(1);
    expect((await fail('table.csv', 'a,b\n1,2\n')).code).toBe('dataset.format-unknown');
    expect((await fail('list.json', `[${chat('a', 'b')}]`)).message).toContain('expected .jsonl');
  });
});
