/** What the HTTP layer needs from whatever computes: the real models, or the fake of failure and timing tests. */
import type {
  ChatMessage,
  RuntimeModel,
  RuntimePriority,
  RuntimeStatus,
  RuntimeTimings,
  TokenUsage,
} from '../runtime-port.ts';

export interface GenerateRequest {
  readonly model: string;
  readonly input:
    | { readonly messages: readonly ChatMessage[] }
    | { readonly prompt: string }
    | { readonly tokens: readonly number[] };
  readonly temperature: number;
  readonly topP: number;
  readonly seed: number | undefined;
  readonly maxTokens: number;
  readonly stop: readonly string[];
  readonly repetitionPenalty: number;
  readonly jsonSchema: Readonly<Record<string, unknown>> | undefined;
}

export type GenerateEvent =
  | { readonly type: 'text-delta'; readonly text: string }
  | {
      readonly type: 'finish';
      readonly reason: 'stop' | 'length' | 'abort';
      readonly usage: TokenUsage;
      readonly timings: { readonly [K in keyof RuntimeTimings]: number };
      readonly baseSha256: string | null;
      readonly adapterSha256: string | null;
    };

export interface EngineCallOptions {
  readonly signal: AbortSignal;
  readonly priority: RuntimePriority;
}

export type TokenizeInput =
  | { readonly messages: readonly ChatMessage[]; readonly addGenerationPrompt: boolean }
  | { readonly text: string; readonly addSpecialTokens: boolean; readonly continues: boolean };

export interface RuntimeEngine {
  readStatus(): RuntimeStatus;
  listModels(): readonly RuntimeModel[];
  /**
   * Checks the request and joins the queue at once, so that a refusal is an error and not a broken stream.
   * The iterable ends with a `finish` event, also after an abort.
   * @throws AppError `runtime.busy`, `runtime.unavailable`, `runtime.no-base-model`, `runtime.model-unknown`,
   *   `runtime.prompt-too-long`, `input.invalid`
   */
  generate(request: GenerateRequest, options: EngineCallOptions): AsyncIterable<GenerateEvent>;
  /**
   * Natural-log probability of each token given those before it, `[tokens.length]`; null before `fromIndex` and at 0.
   */
  scoreTokens(
    request: { readonly model: string; readonly tokens: readonly number[]; readonly fromIndex: number },
    options: EngineCallOptions,
  ): Promise<(number | null)[]>;
  tokenize(model: string, inputs: readonly TokenizeInput[], options: EngineCallOptions): Promise<number[][]>;
  /** L2-normalised, `[texts.length, dimensions]`. */
  embed(
    request: { readonly model: string; readonly texts: readonly string[]; readonly purpose: 'query' | 'passage' },
    options: EngineCallOptions,
  ): Promise<{ readonly vectors: Float32Array[]; readonly promptTokens: number }>;
  /** Makes an adapter known and proves that it loads; does not wait for running requests. */
  loadAdapter(sha256: string, filePath: string): Promise<void>;
  /** Running requests that use it are answered to their end. */
  unloadAdapter(sha256: string): Promise<void>;
  close(): Promise<void>;
}
