import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadEnv, readTestDatasetFile } from '#lib/config/env.ts';
import { readDataset } from '#lib/lora/data/read-dataset.ts';
import type { BaseTokenizer, TokenizedText, TrainingMessage } from '#lib/lora/data/tokenizer.ts';
import { readTokenizerMetadata, tinySizes, writeTinyBase } from '#lib/lora/testing/tiny-base.ts';
import { createRandom } from '#lib/lora/train/random.ts';
import { resolveModel } from '#lib/models/model-store.ts';
import { type BaseModel, loadBaseModel, startLlama } from './base-model.ts';
import { openTokenizer } from './open-tokenizer.ts';

type Tokenizer = Awaited<ReturnType<typeof openTokenizer>>;

/** The pieces that tokenizers stumble over: control-token look-alikes, white space, code, scripts, joined emoji, NUL. */
const FRAGMENTS = [
  '</s>',
  '<s>',
  '<unk>',
  '<|user|>',
  '<|assistant|>\n',
  '<|im_start|>',
  '<|im_end|>',
  '<0x0A>',
  '\n',
  '\n\n',
  '\r\n',
  '  ',
  '\t',
  ' ',
  'The order',
  'MX-7731',
  '{{Order Number}}',
  'don’t',
  'x'.repeat(70),
  '…',
  '½ l',
  '€9.99',
  '\u0000',
  '\u200B',
  '\u00A0',
  'if (a < b) {\n    return `${a}`;\n}',
  '```ts\nconst x = 1;\n```',
  '| a | b |\n|---|---|',
  'https://example.org/?q=1&r=%20',
  '🙂',
  '👩‍👩‍👧‍👦',
  '🇩🇪',
  'é',
  'e\u0301',
  'Öl für „Größe“',
  '日本語の文章',
  'العربية',
  'שלום',
  'ไทย',
  '𝔘𝔫𝔦',
  '\uE0F00\uE0F1',
  '▁',
  '▁▁x',
];

function createMessages(count: number): readonly (readonly TrainingMessage[])[] {
  const random = createRandom(20);
  const pick = () => FRAGMENTS[Math.floor(random() * FRAGMENTS.length)] ?? '';
  const text = () => {
    const words = Array.from({ length: 1 + Math.floor(random() * 12) }, () => pick() + (random() < 0.5 ? ' ' : ''));
    return words.join('') || 'x';
  };
  return Array.from({ length: count }, (_, i) => {
    const turns = Array.from({ length: 1 + (i % 3) }, (): TrainingMessage[] => [
      { role: 'user', content: text() },
      { role: 'assistant', content: text() },
    ]).flat();
    return i % 2 === 0 ? turns : [{ role: 'system', content: text() }, ...turns];
  });
}
const conversations = createMessages(300);

let modelPath: string;
let sha256: string;
let base: BaseModel;
let tokenizer: Tokenizer;

beforeAll(async () => {
  const model = await resolveModel('tinyllama-1.1b-chat-iq2', loadEnv().modelsDir);
  modelPath = model.files[0]?.path ?? '';
  sha256 = model.sha256;
  const backend = await startLlama({ gpu: 'off', threads: 1, onLog: () => undefined });
  base = await loadBaseModel(backend, { id: model.id, path: modelPath, sha256 }, { contextTokens: 512 });
  tokenizer = await openTokenizer({ path: modelPath });
});
afterAll(async () => {
  await tokenizer.close();
  await base.model.dispose();
  await base.backend.llama.dispose();
});

/** What reaches the model in service: the prompt up to the answer, then the answer that it gives. */
function serve(messages: readonly TrainingMessage[]) {
  const answer = messages.at(-1)?.content ?? '';
  const prompt = base.tokenizeMessages(messages.slice(0, -1), true);
  return { prompt, answer: base.tokenizeText(answer, { addSpecialTokens: false, continues: true }) };
}

const takeLearned = ({ tokens, isLearned }: TokenizedText) => tokens.filter((_, i) => isLearned[i] === 1);

/** A prompt is a prefix of the training tokens, the answer follows, and what is learned are answers and their ends. */
function compareWithService(learner: BaseTokenizer, messages: readonly TrainingMessage[]): void {
  const { prompt, answer } = serve(messages);
  const { eos } = base.model.tokens;
  const trained = learner.tokenizeConversation(messages);
  const served = Int32Array.from([...prompt, ...answer, eos ?? -1]);
  expect(trained.tokens.slice(0, served.length)).toEqual(served);
  expect(trained.isLearned.slice(prompt.length, served.length)).toEqual(new Uint8Array(answer.length + 1).fill(1));
  const answers = messages.filter(({ role }) => role === 'assistant').map(({ content }) => content);
  const spoken = answers.flatMap((content) => [
    ...base.tokenizeText(content, { addSpecialTokens: false, continues: true }),
    eos ?? -1,
  ]);
  expect(takeLearned(trained)).toEqual(Int32Array.from(spoken));
}

describe('openTokenizer', () => {
  it('gives a conversation the token ids of the serving path, and marks what the model has to say', () => {
    for (const messages of conversations) compareWithService(tokenizer, messages);
    expect(tokenizer.templateSha256).toBe(base.template.templateSha256);
  });

  it('gives plain text the tokens of the model, with the first and the last token, and learns all but the first', () => {
    for (const [, message] of conversations) {
      const text = message?.content ?? '';
      const { tokens, isLearned } = tokenizer.tokenizeText(text);
      expect([...tokens]).toEqual([
        base.model.tokens.bos,
        ...base.tokenizeText(text, { addSpecialTokens: false, continues: false }),
        base.model.tokens.eos,
      ]);
      expect([...isLearned]).toEqual([0, ...tokens.slice(1).fill(1)]);
    }
  });

  it('works for a base of another family and format', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'tokenizer-'));
    const file = path.join(folder, 'tiny.gguf');
    const metadata = await readTokenizerMetadata(modelPath);
    metadata.delete('tokenizer.chat_template');
    await writeTinyBase(file, 1, {
      architecture: 'qwen2',
      sizes: { ...tinySizes, vocabularySize: 32_000 },
      metadata,
    });
    const other = await openTokenizer({ path: file, templateHint: 'zephyr' });
    expect(other.templateSha256).not.toBe(tokenizer.templateSha256);
    const learned = takeLearned(
      other.tokenizeConversation([
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: 'Yes.' },
      ]),
    );
    const ids = base.toTokens(Array.from(learned));
    expect(base.model.detokenize(ids, true)).toContain('Yes.</s>');
    expect(ids.at(-1)).toBe(base.model.tokens.eos);
    await other.close();
    await rm(folder, { recursive: true });
  });

  it('says why a file does not load', async () => {
    await expect(openTokenizer({ path: import.meta.filename })).rejects.toThrow('could not be loaded');
  });

  const givenFile = readTestDatasetFile();
  it.each(givenFile ? [givenFile] : [])('agrees with the serving path on every row of %s', async (file) => {
    const rows: (readonly TrainingMessage[])[] = [];
    const recording: BaseTokenizer = {
      ...tokenizer,
      tokenizeConversation(messages) {
        rows.push(messages);
        return tokenizer.tokenizeConversation(messages);
      },
    };
    await readDataset(file, recording, { sequenceTokens: 2048, isLossOnAssistantOnly: true });
    expect(rows).not.toEqual([]);
    for (const messages of rows) compareWithService(tokenizer, messages);
  });
});
