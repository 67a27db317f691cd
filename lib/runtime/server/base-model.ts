/** The GGUF that answers: loading, its tokenizer, its chat template. */
import path from 'node:path';
import { getLlama, type Llama, LlamaLogLevel, type LlamaModel, type LlamaOptions, type Token } from 'node-llama-cpp';
import { invalidInput } from '#lib/domain/errors.ts';
import {
  type ChatTemplate,
  type ChatTemplateHint,
  createChatTemplate,
  type TokenizeText,
  tokenizeSegments,
} from '../chat-template.ts';
import type { ChatMessage } from '../runtime-port.ts';
import { computeFileSha256 } from './file-hash.ts';

export interface BaseModelSource {
  /** Catalog id or file name; what `model` may say besides `base`. */
  readonly id: string;
  readonly path: string;
  /** Known checksum; null: computed while loading. */
  readonly sha256: string | null;
  /** Used when the file carries no chat template. */
  readonly templateHint?: ChatTemplateHint | undefined;
}

export type GpuChoice = 'auto' | 'off' | 'cuda' | 'vulkan' | 'metal';

export interface LlamaBackend {
  readonly llama: Llama;
  /** The newest error lines of llama.cpp; its exceptions do not carry the reason. */
  readErrors(): string;
}

const KEPT_ERROR_LINES = 12;

/**
 * @param threads upper bound on compute threads. llama.cpp's own default is at least four and spins: on two cores it is
 *   hundreds of times slower than one thread
 */
export async function startLlama(options: {
  readonly gpu: GpuChoice;
  readonly threads: number;
  readonly onLog: (level: 'warn' | 'error', message: string) => void;
}): Promise<LlamaBackend> {
  const errors: string[] = [];
  const gpu: NonNullable<LlamaOptions['gpu']> = options.gpu === 'off' ? false : options.gpu;
  const llama = await getLlama({
    gpu,
    maxThreads: options.threads,
    build: 'never',
    logLevel: LlamaLogLevel.warn,
    logger(level, message) {
      const text = message.trim();
      if (text === '') return;
      const isError = level === LlamaLogLevel.error || level === LlamaLogLevel.fatal;
      if (isError) {
        errors.push(text);
        if (errors.length > KEPT_ERROR_LINES) errors.shift();
      }
      options.onLog(isError ? 'error' : 'warn', text);
    },
  });
  return {
    llama,
    readErrors() {
      return errors.splice(0).join('; ');
    },
  };
}

export interface BaseModel {
  readonly id: string;
  readonly sha256: string;
  readonly model: LlamaModel;
  readonly backend: LlamaBackend;
  readonly template: ChatTemplate;
  readonly contextTokens: number;
  /** @throws AppError `input.invalid` for an id outside the vocabulary */
  toTokens(ids: readonly number[]): Token[];
  tokenizeMessages(messages: readonly ChatMessage[], addGenerationPrompt: boolean): Token[];
  /** @param addSpecialTokens put the beginning-of-sequence token in front; text is never parsed for special tokens */
  tokenizeText(text: string, options: { readonly addSpecialTokens: boolean; readonly continues: boolean }): Token[];
}

export async function loadBaseModel(
  backend: LlamaBackend,
  source: BaseModelSource,
  options: { readonly contextTokens: number },
): Promise<BaseModel> {
  const [model, sha256] = await Promise.all([
    backend.llama.loadModel({ modelPath: path.resolve(source.path) }).catch((cause: unknown) => {
      const reason = backend.readErrors();
      throw new Error(
        `${source.path} could not be loaded: ${cause instanceof Error ? cause.message : String(cause)}${reason && ` (${reason})`}`,
        { cause },
      );
    }),
    source.sha256 ?? computeFileSha256(source.path),
  ]);
  const chatTemplate = model.fileInfo.metadata.tokenizer.chat_template;
  const template = createChatTemplate({
    chatTemplate,
    hint: source.templateHint,
    bosText: model.tokens.bosString ?? '',
    eosText: model.tokens.eosString ?? '',
  });
  const bosToken = model.tokens.shouldPrependBosToken ? model.tokens.bos : null;
  const tokenize: TokenizeText = (text, { parseSpecial, continues }) =>
    continues ? tokenizeContinuation(model, text, parseSpecial) : model.tokenize(text, parseSpecial);
  const vocabularySize = [...model.iterateAllTokens()].length;
  const isToken = (id: number): id is Token => Number.isInteger(id) && id >= 0 && id < vocabularySize;
  const toTokens = (ids: readonly number[]) => {
    const tokens = ids.filter(isToken);
    if (tokens.length === ids.length) return tokens;
    // llama.cpp aborts the whole process on an id outside the vocabulary.
    throw invalidInput(`the prompt has a token id outside the vocabulary; expected 0 to ${vocabularySize - 1}`);
  };
  return {
    id: source.id,
    sha256,
    model,
    backend,
    template,
    toTokens,
    contextTokens: Math.min(options.contextTokens, model.trainContextSize),
    tokenizeMessages(messages, addGenerationPrompt) {
      return toTokens(tokenizeSegments(template.render(messages, { addGenerationPrompt }), tokenize, bosToken));
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
