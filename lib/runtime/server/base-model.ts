/** The GGUF that answers. */
import path from 'node:path';
import { getLlama, type Llama, LlamaLogLevel, type LlamaModel, type LlamaOptions } from 'node-llama-cpp';
import type { ChatTemplateHint } from '../chat-template.ts';
import { computeFileSha256 } from './file-hash.ts';
import { createModelTokenizer, type ModelTokenizer } from './model-tokenizer.ts';

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

/** Said of every matrix of an adapter on processors with AMX, where it means nothing to anybody: adapters are read as they are. */
const PLACEMENT_NOTICE = /^llama_adapter_lora_init\w*: lora for '.+' cannot use buft '.+', fallback to CPU$/;

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
      if (text === '' || PLACEMENT_NOTICE.test(text)) return;
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

export interface BaseModel extends ModelTokenizer {
  readonly id: string;
  readonly sha256: string;
  readonly model: LlamaModel;
  readonly backend: LlamaBackend;
  readonly contextTokens: number;
}

export async function loadBaseModel(
  backend: LlamaBackend,
  source: BaseModelSource,
  options: { readonly contextTokens: number },
): Promise<BaseModel> {
  const [model, sha256] = await Promise.all([
    loadGguf(backend, source.path),
    source.sha256 ?? computeFileSha256(source.path),
  ]);
  return {
    ...createModelTokenizer(model, source.templateHint),
    id: source.id,
    sha256,
    model,
    backend,
    contextTokens: Math.min(options.contextTokens, model.trainContextSize),
  };
}

/**
 * @param options.vocabOnly no weights are loaded: enough to tokenise
 * @throws Error with llama.cpp's own reason
 */
export async function loadGguf(
  backend: LlamaBackend,
  file: string,
  options: { readonly vocabOnly?: boolean } = {},
): Promise<LlamaModel> {
  return backend.llama.loadModel({ modelPath: path.resolve(file), ...options }).catch((cause: unknown) => {
    const reason = backend.readErrors();
    throw new Error(
      `${file} could not be loaded: ${cause instanceof Error ? cause.message : String(cause)}${reason && ` (${reason})`}`,
      { cause },
    );
  });
}
