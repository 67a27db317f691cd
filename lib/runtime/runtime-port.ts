/**
 * What the product may ask of an inference server. One implementation speaks the OpenAI-compatible HTTP API
 * (`client.ts`), to our own runtime or to a vLLM server; a fake exists for timing and failure tests only.
 */
export type RuntimePriority = 'chat' | 'evaluation' | 'ingestion';

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface SamplingOptions {
  /** 0 is greedy. Default 0. */
  readonly temperature?: number;
  readonly topP?: number;
  readonly seed?: number;
  /** Upper bound on generated tokens. Default 256. */
  readonly maxTokens?: number;
  readonly stop?: readonly string[];
  /** OpenAI's presence/frequency penalties do not suit copying tasks; 1 or undefined switches repetition control off. */
  readonly repetitionPenalty?: number;
}

export interface ChatRequest extends SamplingOptions {
  readonly messages: readonly ChatMessage[];
  /** `base`, or an adapter's SHA-256 that has been loaded. */
  readonly model: string;
  /** Constrains the output to this JSON schema. */
  readonly jsonSchema?: Readonly<Record<string, unknown>>;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Default `chat`. */
  readonly priority?: RuntimePriority;
}

export interface EmbedOptions extends CallOptions {
  /** Some models want a prefix that differs between the two. Default `passage`. */
  readonly purpose?: 'query' | 'passage';
}

export interface TokenUsage {
  readonly promptTokens: number;
  /** Prompt tokens served from the prefix kept in memory; part of `promptTokens`. */
  readonly cachedPromptTokens: number;
  readonly completionTokens: number;
}

/** Milliseconds, measured inside the runtime. Null where a foreign server does not say. */
export interface RuntimeTimings {
  readonly queueMs: number | null;
  readonly prefillMs: number | null;
  readonly decodeMs: number | null;
}

export type ChatChunk =
  | { readonly type: 'text-delta'; readonly text: string }
  | {
      readonly type: 'finish';
      readonly reason: 'stop' | 'length' | 'abort';
      readonly usage: TokenUsage;
      readonly timings: RuntimeTimings;
      /** What answered: SHA-256 of the base's file, and of the adapter or null. */
      readonly baseSha256: string | null;
      readonly adapterSha256: string | null;
    };

export interface RuntimeModel {
  readonly id: string;
  readonly kind: 'base' | 'adapter' | 'embedding';
  readonly sha256: string | null;
}

/** What the runtime holds ready. */
export interface PoolUsage {
  /** Contexts in memory, that of the base included. */
  readonly contexts: number;
  /** Adapters in memory. */
  readonly adapters: number;
  /** Estimated by llama.cpp's own formula for contexts, by file size for adapters. */
  readonly usedBytes: number;
  readonly budgetBytes: number;
}

export interface RuntimeStatus {
  readonly state: 'loading' | 'ready' | 'degraded';
  /** Catalog id or file name. Null: no base model, answers are extractive. */
  readonly baseModel: {
    readonly id: string;
    readonly sha256: string | null;
    /** Prompt and answer together. */
    readonly contextTokens: number;
    /** Of the chat template in use (`chat-template.ts`); null where a foreign server renders it. */
    readonly templateSha256: string | null;
  } | null;
  readonly embeddingModel: {
    readonly id: string;
    readonly sha256: string | null;
    readonly dimensions: number;
    readonly maxTokens: number;
  } | null;
  /** `false`: CPU. Else the name of the backend in use, e.g. `cuda`. */
  readonly gpu: string | false;
  readonly threads: number;
  readonly queue: { readonly active: number; readonly waiting: number; readonly limit: number };
  /** Absent where a foreign server does not say, and while there is no base model. */
  readonly pool?: PoolUsage | undefined;
  /** Plain-word reasons of `degraded`. */
  readonly problems: readonly string[];
}

export interface RuntimeClient {
  /** @throws AppError `runtime.unavailable` when nothing answers */
  readStatus(options?: CallOptions): Promise<RuntimeStatus>;
  /**
   * Aborting `options.signal` (or leaving the loop) stops the generation.
   * @throws AppError `runtime.busy` (retryable), `runtime.unavailable` (retryable), `runtime.no-base-model`,
   *   `runtime.prompt-too-long` (details: promptTokens, contextTokens), `runtime.model-unknown`
   */
  streamChat(request: ChatRequest, options?: CallOptions): AsyncIterable<ChatChunk>;
  /**
   * L2-normalised embeddings, `[text.length, dimensions]`, same order as `texts`. Longer texts than the model's window are cut.
   */
  embedTexts(texts: readonly string[], options?: EmbedOptions): Promise<Float32Array[]>;
  /** Token counts under the base model's tokenizer, same order as `texts`; for prompt budgets. */
  countTokens(texts: readonly string[], options?: CallOptions): Promise<number[]>;
  /** Token counts under the embedding model's tokenizer, special tokens excluded; for chunk sizes. */
  countEmbeddingTokens(texts: readonly string[], options?: CallOptions): Promise<number[]>;
  /**
   * Natural-log probabilities of each token of `continuation` given `messages` (through the chat template) or `prefix` (verbatim).
   */
  scoreContinuation(
    request: ({ readonly messages: readonly ChatMessage[] } | { readonly prefix: string }) & {
      readonly continuation: string;
      readonly model: string;
    },
    options?: CallOptions,
  ): Promise<{ readonly tokenLogprobs: readonly number[] }>;
}
