/**
 * The tokenizer of a base for training: the vocabulary is loaded without the weights, and everything else is what serves.
 */
import type { BaseTokenizer } from '#lib/lora/data/tokenizer.ts';
import type { ChatTemplateHint } from '../chat-template.ts';
import { loadGguf, startLlama } from './base-model.ts';
import { createModelTokenizer } from './model-tokenizer.ts';

/**
 * @param source.templateHint used when the file carries no chat template
 * @throws Error with the reason when the file does not load
 */
export async function openTokenizer(source: {
  readonly path: string;
  readonly templateHint?: ChatTemplateHint | undefined;
}): Promise<BaseTokenizer & { close(): Promise<void> }> {
  const backend = await startLlama({ gpu: 'off', threads: 1, onLog: () => undefined });
  try {
    const model = await loadGguf(backend, source.path, { vocabOnly: true });
    const tokenizer = createModelTokenizer(model, source.templateHint);
    return {
      templateSha256: tokenizer.template.templateSha256,
      tokenizeConversation(messages) {
        const { tokens, isAssistant } = tokenizer.tokenizeConversation(messages);
        return { tokens, isLearned: isAssistant };
      },
      tokenizeText(text) {
        const words = tokenizer.tokenizeText(text, { addSpecialTokens: true, continues: false });
        const { eos } = model.tokens;
        const tokens = Int32Array.from(eos === null ? words : [...words, eos]);
        const isLearned = new Uint8Array(tokens.length).fill(1);
        if (model.tokens.shouldPrependBosToken) isLearned[0] = 0;
        return { tokens, isLearned };
      },
      async close() {
        await model.dispose();
        await backend.llama.dispose();
      },
    };
  } catch (error) {
    await backend.llama.dispose();
    throw error;
  }
}
