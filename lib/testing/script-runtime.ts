import { AppError } from '#lib/domain/errors.ts';
import type { EvaluationDeps } from '#lib/evaluation/run-evaluation.ts';
import type { ChatChunk, RuntimeClient } from '#lib/runtime/runtime-port.ts';

const BASE = { id: 'tiny', sha256: 'b'.repeat(64), contextTokens: 2048, templateSha256: null };

/** Writes what it is told to, for timing and failure; no answer's content matters where it is used. */
export function scriptRuntime(write: (model: string, question: string) => string) {
  const asked: string[] = [];
  let baseSha256 = BASE.sha256;
  const runtime: EvaluationDeps['runtime'] & Pick<RuntimeClient, 'countTokens'> = {
    readStatus: () =>
      Promise.resolve({
        state: 'ready',
        baseModel: { ...BASE, sha256: baseSha256 },
        embeddingModel: null,
        gpu: false,
        threads: 1,
        queue: { active: 0, waiting: 0, limit: 8 },
        problems: [],
      }),
    countTokens: (texts) => Promise.resolve(texts.map((text) => Math.ceil(text.length / 4))),
    embedTexts: () => Promise.reject(new AppError({ code: 'runtime.no-embedding-model', message: 'none' })),
    scoreContinuation: ({ continuation, model }) =>
      Promise.resolve({ tokenLogprobs: [continuation.includes('right') || model === 'odd' ? -0.1 : -3] }),
    async *streamChat({ model, messages }): AsyncGenerator<ChatChunk, void, void> {
      const question = messages.at(-1)?.content ?? '';
      asked.push(`${model === 'base' ? 'base' : 'adapter'}: ${question}`);
      await Promise.resolve();
      yield { type: 'text-delta', text: write(model, question) };
      yield {
        type: 'finish',
        reason: 'stop',
        usage: { promptTokens: 10, cachedPromptTokens: 0, completionTokens: 5 },
        timings: { queueMs: 0, prefillMs: 1, decodeMs: 1 },
        baseSha256,
        adapterSha256: model === 'base' ? null : model,
      };
    },
  };
  return {
    runtime,
    asked,
    changeBase() {
      baseSha256 = 'c'.repeat(64);
    },
  };
}
