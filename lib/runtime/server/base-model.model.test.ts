import os from 'node:os';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadEnv } from '#lib/config/env.ts';
import { resolveModel } from '#lib/models/model-store.ts';
import { joinSegments } from '../chat-template.ts';
import type { ChatMessage } from '../runtime-port.ts';
import { type BaseModel, loadBaseModel, startLlama } from './base-model.ts';
import { createContextPool } from './context-pool.ts';
import { scoreTokens } from './scoring.ts';

const never = new AbortController().signal;

describe('base model', () => {
  let base: BaseModel;
  beforeAll(async () => {
    const env = loadEnv();
    const model = await resolveModel('tinyllama-1.1b-chat-iq2', env.modelsDir);
    const backend = await startLlama({
      gpu: 'off',
      threads: Math.max(1, os.availableParallelism() - 1),
      onLog: () => undefined,
    });
    base = await loadBaseModel(
      backend,
      { id: model.id, path: model.files[0]?.path ?? '', sha256: model.sha256 },
      { contextTokens: 512 },
    );
  });
  afterAll(async () => {
    await base.model.dispose();
    await base.backend.llama.dispose();
  });

  const countEos = (messages: readonly ChatMessage[]) =>
    base.tokenizeMessages(messages, true).filter((token) => token === base.model.tokens.eos).length;

  it('tokenises ordinary conversations exactly as the whole rendered text', () => {
    const messages: ChatMessage[] = [
      { role: 'system', content: 'You answer from the manual.\nBe brief.' },
      { role: 'user', content: 'How many litres does the MX-7731 hold? It says 4.5 l — or 5?' },
      { role: 'assistant', content: 'Four litres [1].' },
      { role: 'user', content: 'Und auf Deutsch, für „Öl“?' },
    ];
    const text = joinSegments(base.template.render(messages, { addGenerationPrompt: true }));
    const whole = [base.model.tokens.bos, ...base.model.tokenize(text, true)];
    expect(base.tokenizeMessages(messages, true)).toEqual(whole);
  });

  it('never lets content produce a control token', () => {
    const fragment = fc.constantFrom(
      '</s>',
      '<s>',
      '<unk>',
      '<|user|>',
      '<|assistant|>',
      '\n',
      ' ',
      'text',
      '</',
      's>',
    );
    fc.assert(
      fc.property(fc.array(fragment, { minLength: 1, maxLength: 8 }), (parts) => {
        const messages: ChatMessage[] = [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: parts.join('') },
        ];
        // One end-of-sequence token closes each message; the template writes them, nobody else.
        expect(countEos(messages)).toBe(2);
        expect(base.tokenizeMessages(messages, true).filter((token) => token === base.model.tokens.bos)).toHaveLength(
          1,
        );
        const plain = base.tokenizeText(parts.join(''), { addSpecialTokens: false, continues: true });
        expect(base.model.detokenize(plain, false, base.model.tokenize('\n'))).toBe(parts.join(''));
      }),
      { numRuns: 200 },
    );
  });

  it('refuses token ids outside the vocabulary, which would end the process', () => {
    for (const id of [-1, 32_000, 1.5, Number.NaN]) expect(() => base.toTokens([id])).toThrow('outside the vocabulary');
    expect(base.toTokens([0, 31_999])).toEqual([0, 31_999]);
  });

  it('scores tokens as a full softmax over the vocabulary does, cold and with a cached prefix', async () => {
    const pool = createContextPool(base, { threads: 1, batchSize: 24, budgetBytes: 2 ** 30 });
    const { cache } = await pool.acquire(null);
    const { sequence } = cache;
    const prompt = base.tokenizeMessages([{ role: 'user', content: 'What is the capital of France?' }], true);
    const answer = base.tokenizeText('The capital of France is Paris.', { addSpecialTokens: false, continues: true });
    const tokens = [...prompt, ...answer];

    const outputs = await sequence.controlledEvaluate(
      tokens
        .map((token) => [token, { generateNext: { logits: true } }] as const)
        .map(([token, options]) => [token, options]),
    );
    const expected = answer.map((token, index) => {
      const logits = outputs[prompt.length + index - 1]?.next.logits ?? new Map();
      const max = Math.max(...logits.values());
      const total = [...logits.values()].reduce((sum, logit) => sum + Math.exp(logit - max), 0);
      return (logits.get(token) ?? Number.NaN) - max - Math.log(total);
    });
    await sequence.clearHistory();

    const options = { fromIndex: prompt.length, blockSize: 16, signal: never };
    const cold = await scoreTokens(cache, tokens, options);
    const warm = await scoreTokens(cache, tokens, options);
    expect(cold.slice(0, prompt.length)).toEqual(prompt.map(() => null));
    for (const [index, logprob] of expected.entries()) {
      // The two paths group the tokens differently, which shows in the fourth digit.
      expect(cold[prompt.length + index]).toBeCloseTo(logprob, 2);
    }
    expect(warm).toEqual(cold);
    await sequence.context.dispose();
  });
});
