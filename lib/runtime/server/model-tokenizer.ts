/** The tokenizer and the chat template of a loaded GGUF: one for serving and training. */
import type { LlamaModel, Token } from 'node-llama-cpp';
import { invalidInput } from '#lib/domain/errors.ts';
import {
  type ChatTemplate,
  type ChatTemplateHint,
  createChatTemplate,
  type TokenizeText,
  tokenizeAndMark,
  tokenizeSegments,
} from '../chat-template.ts';
import type { ChatMessage } from '../runtime-port.ts';

export interface ModelTokenizer {
  readonly template: ChatTemplate;
  /** @throws AppError `input.invalid` for an id outside the vocabulary */
  toTokens(ids: readonly number[]): Token[];
  tokenizeMessages(messages: readonly ChatMessage[], addGenerationPrompt: boolean): Token[];
  /** A finished conversation, and which tokens are the assistant's, the one that ends each of its turns included. */
  tokenizeConversation(messages: readonly ChatMessage[]): ReturnType<typeof tokenizeAndMark>;
  /** @param addSpecialTokens put the beginning-of-sequence token in front; text is never parsed for special tokens */
  tokenizeText(text: string, options: { readonly addSpecialTokens: boolean; readonly continues: boolean }): Token[];
}

/** @param templateHint used when the file carries no chat template */
export function createModelTokenizer(model: LlamaModel, templateHint: ChatTemplateHint | undefined): ModelTokenizer {
  const template = createChatTemplate({
    chatTemplate: model.fileInfo.metadata.tokenizer.chat_template,
    hint: templateHint,
    bosText: model.tokens.bosString ?? '',
    eosText: model.tokens.eosString ?? '',
  });
  const bosToken = model.tokens.shouldPrependBosToken ? model.tokens.bos : null;
  const tokenize: TokenizeText = (text, { parseSpecial, continues }) =>
    continues ? tokenizeContinuation(model, text, parseSpecial) : model.tokenize(text, parseSpecial);
  const vocabularySize = [...model.iterateAllTokens()].length;
  const isToken = (id: number): id is Token => Number.isInteger(id) && id >= 0 && id < vocabularySize;
  const isEndOfGeneration = (token: number) => isToken(token) && model.isEogToken(token);
  const toTokens = (ids: readonly number[]) => {
    const tokens = ids.filter(isToken);
    if (tokens.length === ids.length) return tokens;
    // llama.cpp aborts the whole process on an id outside the vocabulary.
    throw invalidInput(`the prompt has a token id outside the vocabulary; expected 0 to ${vocabularySize - 1}`);
  };
  return {
    template,
    toTokens,
    tokenizeMessages(messages, addGenerationPrompt) {
      return toTokens(tokenizeSegments(template.render(messages, { addGenerationPrompt }), tokenize, bosToken));
    },
    tokenizeConversation(messages) {
      const segments = template.render(messages, { addGenerationPrompt: false });
      return tokenizeAndMark(segments, tokenize, { bosToken, isEndOfGeneration });
    },
    tokenizeText(text, { addSpecialTokens, continues }) {
      const tokens = tokenize(text, { parseSpecial: false, continues });
      return toTokens(addSpecialTokens && bosToken !== null ? [bosToken, ...tokens] : tokens);
    },
  };
}

/**
 * Tokens of a text that follows other text. SentencePiece puts a space in front of a text; behind a line break, which no
 * such vocabulary merges with what follows, it does not. Byte-pair vocabularies need no care and are tokenised as they are.
 * (The library's `trimLeadingSpace` leaves the space when the text itself starts with a line break.)
 */
function tokenizeContinuation(model: LlamaModel, text: string, parseSpecial: boolean): Token[] {
  const marker = model.tokenize('\n', parseSpecial);
  const joined = model.tokenize(`\n${text}`, parseSpecial);
  const isMarkerFirst = marker.every((token, index) => joined[index] === token);
  return isMarkerFirst ? joined.slice(marker.length) : model.tokenize(text, parseSpecial);
}
