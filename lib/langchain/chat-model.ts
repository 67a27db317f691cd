import type { CallbackManagerForLLMRun } from '@langchain/core/callbacks/manager';
import type { BaseLanguageModelInput } from '@langchain/core/language_models/base';
import {
  BaseChatModel,
  type BaseChatModelCallOptions,
  type BaseChatModelParams,
} from '@langchain/core/language_models/chat_models';
import { AIMessage, AIMessageChunk, type BaseMessage, type UsageMetadata } from '@langchain/core/messages';
import { ChatGenerationChunk, type ChatResult } from '@langchain/core/outputs';
import type { Runnable } from '@langchain/core/runnables';
import { invalidInput } from '#lib/domain/errors.ts';
import type { ChatChunk, ChatMessage, RuntimeClient, RuntimePriority, TokenUsage } from '#lib/runtime/runtime-port.ts';

export interface RuntimeChatModelFields extends BaseChatModelParams {
  readonly runtime: Pick<RuntimeClient, 'streamChat'>;
  /** `base` or the SHA-256 of a loaded adapter. Default `base`. */
  readonly model?: string;
  /** Default 0: greedy. */
  readonly temperature?: number;
  readonly topP?: number;
  readonly seed?: number;
  /** Default 256. */
  readonly maxTokens?: number;
  /** Default `chat`. */
  readonly priority?: RuntimePriority;
}

export interface RuntimeChatCallOptions extends BaseChatModelCallOptions {
  /** Constrains the answer to this JSON schema. */
  readonly jsonSchema?: Readonly<Record<string, unknown>>;
  readonly maxTokens?: number;
}

/**
 * Our inference server as a LangChain chat model. `stop` and `signal` of a call reach the server; usage, timings and what
 * answered are in `response_metadata`.
 */
export class RuntimeChatModel extends BaseChatModel<RuntimeChatCallOptions> {
  readonly #fields: RuntimeChatModelFields;

  static override lc_name(): string {
    return 'RuntimeChatModel';
  }

  constructor(fields: RuntimeChatModelFields) {
    super(fields);
    this.#fields = fields;
  }

  override _llmType(): string {
    return 'lorehouse-runtime';
  }

  override invocationParams() {
    const { model = 'base', temperature = 0, topP, seed, maxTokens } = this.#fields;
    return { model, temperature, topP, seed, maxTokens };
  }

  /**
   * Agents bind their tools, even none. The inference server offers no tool calls.
   * @throws AppError `input.invalid` for one tool or more
   */
  override bindTools(
    tools: readonly unknown[],
    options?: Partial<RuntimeChatCallOptions>,
  ): Runnable<BaseLanguageModelInput, AIMessageChunk, RuntimeChatCallOptions> {
    if (tools.length > 0)
      throw invalidInput(`expected no tools, got ${tools.length}: the inference server cannot call any`);
    return this.withConfig(options ?? {});
  }

  #open(messages: readonly BaseMessage[], options: this['ParsedCallOptions']): AsyncIterable<ChatChunk> {
    const { runtime, model = 'base', temperature = 0, topP, seed, priority = 'chat' } = this.#fields;
    const maxTokens = options.maxTokens ?? this.#fields.maxTokens;
    return runtime.streamChat(
      {
        model,
        temperature,
        messages: messages.map(toChatMessage),
        ...(topP === undefined ? {} : { topP }),
        ...(seed === undefined ? {} : { seed }),
        ...(maxTokens === undefined ? {} : { maxTokens }),
        ...(options.stop === undefined ? {} : { stop: options.stop }),
        ...(options.jsonSchema === undefined ? {} : { jsonSchema: options.jsonSchema }),
      },
      { priority, ...(options.signal === undefined ? {} : { signal: options.signal }) },
    );
  }

  override async _generate(
    messages: BaseMessage[],
    options: this['ParsedCallOptions'],
    runManager?: CallbackManagerForLLMRun,
  ): Promise<ChatResult> {
    let text = '';
    for await (const chunk of this.#open(messages, options)) {
      if (chunk.type === 'text-delta') {
        text += chunk.text;
        await runManager?.handleLLMNewToken(chunk.text);
        continue;
      }
      // LangChain's own convention for a cancelled call is a rejection.
      if (chunk.reason === 'abort') options.signal?.throwIfAborted();
      const message = new AIMessage({ content: text, response_metadata: toResponseMetadata(chunk) });
      // Assigned, because the declared type of this field resolves to nothing under strict settings.
      Object.assign(message, { usage_metadata: toUsageMetadata(chunk.usage) });
      const { promptTokens, completionTokens } = chunk.usage;
      const tokenUsage = { promptTokens, completionTokens, totalTokens: promptTokens + completionTokens };
      return { generations: [{ text, message }], llmOutput: { tokenUsage } };
    }
    throw new Error('the inference server ended an answer without a finish chunk');
  }

  override async *_streamResponseChunks(
    messages: BaseMessage[],
    options: this['ParsedCallOptions'],
    runManager?: CallbackManagerForLLMRun,
  ): AsyncGenerator<ChatGenerationChunk> {
    for await (const chunk of this.#open(messages, options)) {
      if (chunk.type === 'finish') {
        // LangChain's own convention for a cancelled call is a rejection.
        if (chunk.reason === 'abort') options.signal?.throwIfAborted();
        yield toFinishChunk(chunk);
        continue;
      }
      const generation = new ChatGenerationChunk({
        text: chunk.text,
        message: new AIMessageChunk({ content: chunk.text }),
      });
      await runManager?.handleLLMNewToken(chunk.text, undefined, undefined, undefined, undefined, {
        chunk: generation,
      });
      yield generation;
    }
  }
}

type FinishChunk = Extract<ChatChunk, { type: 'finish' }>;

function toFinishChunk(finish: FinishChunk): ChatGenerationChunk {
  const message = new AIMessageChunk({ content: '', response_metadata: toResponseMetadata(finish) });
  Object.assign(message, { usage_metadata: toUsageMetadata(finish.usage) });
  return new ChatGenerationChunk({ text: '', message });
}

function toUsageMetadata({ promptTokens, cachedPromptTokens, completionTokens }: TokenUsage): UsageMetadata {
  return {
    input_tokens: promptTokens,
    output_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    input_token_details: { cache_read: cachedPromptTokens },
  };
}

function toResponseMetadata({ reason, timings, baseSha256, adapterSha256 }: FinishChunk): Record<string, unknown> {
  return { finish_reason: reason, timings, base_sha256: baseSha256, adapter_sha256: adapterSha256 };
}

function toChatMessage(message: BaseMessage): ChatMessage {
  const content = message.text;
  switch (message.type) {
    case 'human':
      return { role: 'user', content };
    case 'ai':
      return { role: 'assistant', content };
    case 'system':
    case 'developer':
      return { role: 'system', content };
    case 'tool':
    default:
      throw invalidInput(`messages of type ${message.type} are not supported; expected human, ai or system`);
  }
}
