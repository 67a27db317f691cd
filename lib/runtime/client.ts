/**
 * The one client of inference servers: our own runtime on a Unix socket or loopback, or any vLLM server. What only ours
 * knows (timings, cached tokens, checksums) is null or zero elsewhere.
 */
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { Agent, type Dispatcher, request as httpRequest } from 'undici';
import { z } from 'zod';
import { AppError } from '#lib/domain/errors.ts';
import {
  chatChunkSchema,
  embeddingResponseSchema,
  errorBodySchema,
  modelListSchema,
  PRIORITY_HEADER,
  scoredCompletionSchema,
  statusSchema,
  tokenizeResponseSchema,
} from './protocol.ts';
import type {
  CallOptions,
  ChatChunk,
  ChatRequest,
  EmbedOptions,
  RuntimeClient,
  RuntimeStatus,
  RuntimeTimings,
  TokenUsage,
} from './runtime-port.ts';

export type RuntimeClientOptions =
  | { readonly socketPath: string }
  | { readonly url: string /** Bearer token. */; readonly token?: string | undefined };

/** A runtime client that can also manage adapters and must be closed. */
export interface HttpRuntimeClient extends RuntimeClient {
  /**
   * Loads a content-addressed adapter (`<sha256>.gguf`, or a PEFT directory); its SHA-256 is then a `model`. Idempotent.
   * @throws AppError `adapter.artifact-missing`, `adapter.checksum-mismatch`, `adapter.unloadable`
   */
  loadAdapter(adapter: { readonly sha256: string; readonly filePath: string }, options?: CallOptions): Promise<void>;
  unloadAdapter(sha256: string, options?: CallOptions): Promise<void>;
  /** What `loadAdapter` must be given a path of: our runtime takes a GGUF file, vLLM a PEFT directory. */
  readAdapterFormat(options?: CallOptions): Promise<'gguf' | 'peft'>;
  readonly close: () => Promise<void>;
}

const DEFAULT_MAX_TOKENS = 256;
/** Texts of one request for embeddings; a longer list is cut, so that no body and no answer grows without bound. */
const EMBED_BATCH_TEXTS = 64;
const CONNECT_TIMEOUT_MS = 5000;
const STATUS_TIMEOUT_MS = 5000;
/** vLLM counts one text a request. */
const FOREIGN_TOKENIZE_PARALLEL = 8;

export function createRuntimeClient(options: RuntimeClientOptions): HttpRuntimeClient {
  const agent = new Agent({
    // A long prompt or a long queue sends nothing for minutes; the caller's signal is what ends a wait.
    headersTimeout: 0,
    bodyTimeout: 0,
    connections: 64,
    connect: {
      timeout: CONNECT_TIMEOUT_MS,
      ...('socketPath' in options ? { socketPath: options.socketPath } : {}),
    },
  });
  const origin = 'socketPath' in options ? 'http://runtime' : options.url.replace(/\/+$/, '').replace(/\/v1$/, '');
  const where = 'socketPath' in options ? options.socketPath : origin;
  const token = 'socketPath' in options ? undefined : options.token;

  async function send(
    method: 'GET' | 'POST',
    path: string,
    body: unknown,
    call: CallOptions,
  ): Promise<Dispatcher.ResponseData> {
    let response: Dispatcher.ResponseData;
    try {
      response = await httpRequest(`${origin}${path}`, {
        method,
        dispatcher: agent,
        headers: {
          accept: 'application/json, text/event-stream',
          [PRIORITY_HEADER]: call.priority ?? 'chat',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        body: body === undefined ? null : JSON.stringify(body),
        ...(call.signal === undefined ? {} : { signal: call.signal }),
      });
    } catch (error) {
      throw toTransportError(error, call.signal, where);
    }
    if (response.statusCode < 400) return response;
    const text = await response.body.text().catch(() => '');
    throw toResponseError(response.statusCode, text, where);
  }

  async function readText(response: Dispatcher.ResponseData, call: CallOptions): Promise<string> {
    try {
      return await response.body.text();
    } catch (error) {
      throw toTransportError(error, call.signal, where);
    }
  }

  async function postJson<T extends z.ZodType>(
    path: string,
    body: unknown,
    schema: T,
    call: CallOptions,
  ): Promise<z.output<T>> {
    return parseAnswer(await readText(await send('POST', path, body, call), call), schema, path);
  }

  /** Ours answers `/health` with its status; vLLM with an empty body, and names its model in `/v1/models`. */
  let ownServer: Promise<boolean> | undefined;
  let foreignNames: Promise<{ base: string; contextTokens: number }> | undefined;

  async function fetchStatus(call: CallOptions): Promise<RuntimeStatus | null> {
    const timeout = AbortSignal.timeout(STATUS_TIMEOUT_MS);
    const signal = call.signal === undefined ? timeout : AbortSignal.any([call.signal, timeout]);
    const response = await send('GET', '/health', undefined, { ...call, signal });
    const text = await readText(response, { ...call, signal });
    const parsed = statusSchema.safeParse(parseJson(text));
    return parsed.success ? parsed.data : null;
  }

  function isOwnServer(call: CallOptions): Promise<boolean> {
    if ('socketPath' in options) return Promise.resolve(true);
    ownServer ??= fetchStatus({ priority: call.priority ?? 'chat' }).then((status) => status !== null);
    return ownServer.catch((error: unknown) => {
      ownServer = undefined;
      throw error;
    });
  }

  function readForeignNames(): Promise<{ base: string; contextTokens: number }> {
    foreignNames ??= send('GET', '/v1/models', undefined, {})
      .then((response) => readText(response, {}))
      .then((text) => {
        const models = parseAnswer(text, modelListSchema, '/v1/models').data;
        const base = models.find((model) => model.parent === null || model.parent === undefined);
        if (base === undefined) {
          throw new AppError({
            code: 'runtime.model-unknown',
            message: `${where} lists no base model at /v1/models`,
            details: { model: 'base' },
          });
        }
        return { base: base.id, contextTokens: base.max_model_len ?? 0 };
      });
    return foreignNames.catch((error: unknown) => {
      foreignNames = undefined;
      throw error;
    });
  }

  async function resolveModel(model: string, call: CallOptions): Promise<string> {
    if (model !== 'base' && model !== 'embedding') return model;
    return (await isOwnServer(call)) ? model : (await readForeignNames()).base;
  }

  async function tokenizeMany(
    model: 'base' | 'embedding',
    texts: readonly string[],
    call: CallOptions,
  ): Promise<number[]> {
    if (texts.length === 0) return [];
    const name = await resolveModel(model, call);
    if (await isOwnServer(call)) {
      const body = { model: name, prompt: texts, add_special_tokens: false };
      const answer = await postJson('/tokenize', body, tokenizeResponseSchema, call);
      return requireLength(answer.counts ?? [], texts.length, '/tokenize');
    }
    const counts: number[] = [];
    for (let start = 0; start < texts.length; start += FOREIGN_TOKENIZE_PARALLEL) {
      const answers = await Promise.all(
        texts
          .slice(start, start + FOREIGN_TOKENIZE_PARALLEL)
          .map((prompt) =>
            postJson('/tokenize', { model: name, prompt, add_special_tokens: false }, tokenizeResponseSchema, call),
          ),
      );
      counts.push(...answers.map((answer) => answer.count));
    }
    return counts;
  }

  async function* streamChat(request: ChatRequest, call: CallOptions = {}): AsyncGenerator<ChatChunk> {
    // Leaving the loop early must reach the server, which sees only a closed connection.
    const leave = new AbortController();
    const signal = call.signal === undefined ? leave.signal : AbortSignal.any([call.signal, leave.signal]);
    const own = { ...call, signal };
    try {
      const body = { ...toChatBody(request), model: await resolveModel(request.model, call) };
      const response = await send('POST', '/v1/chat/completions', body, own);
      yield* readChatStream(response.body, own, where);
    } catch (error) {
      if (call.signal?.aborted !== true) throw error;
      yield abortedChunk;
    } finally {
      leave.abort();
    }
  }

  return {
    async readStatus(call = {}) {
      const status = await fetchStatus(call);
      if (status !== null) return status;
      const { base, contextTokens } = await readForeignNames();
      return {
        state: 'ready',
        baseModel: { id: base, sha256: null, contextTokens, templateSha256: null },
        embeddingModel: null,
        gpu: 'remote',
        threads: 0,
        queue: { active: 0, waiting: 0, limit: 0 },
        problems: [],
      };
    },
    streamChat,
    async embedTexts(texts, call: EmbedOptions = {}) {
      const model = await resolveModel('embedding', call);
      const vectors: Float32Array[] = [];
      for (let start = 0; start < texts.length; start += EMBED_BATCH_TEXTS) {
        const input = texts.slice(start, start + EMBED_BATCH_TEXTS);
        const body = { model, input, encoding_format: 'base64', input_type: call.purpose ?? 'passage' };
        const { data } = await postJson('/v1/embeddings', body, embeddingResponseSchema, call);
        const ordered = data
          .toSorted((a, b) => a.index - b.index)
          .map((item) => normalise(decodeVector(item.embedding)));
        vectors.push(...requireLength(ordered, input.length, '/v1/embeddings'));
      }
      return vectors;
    },
    countTokens: (texts, call = {}) => tokenizeMany('base', texts, call),
    countEmbeddingTokens: (texts, call = {}) => tokenizeMany('embedding', texts, call),
    async scoreContinuation(request, call = {}) {
      const model = await resolveModel(request.model, call);
      const prefixBody =
        'messages' in request
          ? { model, messages: request.messages, add_generation_prompt: true }
          : { model, prompt: request.prefix, add_special_tokens: true };
      const continuationBody = { model, prompt: request.continuation, add_special_tokens: false, continues: true };
      const [prefix, continuation] = await Promise.all([
        postJson('/tokenize', prefixBody, tokenizeResponseSchema, call),
        postJson('/tokenize', continuationBody, tokenizeResponseSchema, call),
      ]);
      if (continuation.tokens.length === 0) return { tokenLogprobs: [] };
      const prompt = [...prefix.tokens, ...continuation.tokens];
      const from = prefix.tokens.length;
      const answer = await postJson(
        '/v1/completions',
        { model, prompt, echo: true, logprobs: 1, max_tokens: 0, logprobs_from: from },
        scoredCompletionSchema,
        call,
      );
      const scored = (answer.choices[0]?.logprobs.token_logprobs ?? []).slice(from);
      const tokenLogprobs = scored.filter((logprob) => logprob !== null);
      return { tokenLogprobs: requireLength(tokenLogprobs, continuation.tokens.length, '/v1/completions') };
    },
    async loadAdapter(adapter, call = {}) {
      const body = { lora_name: adapter.sha256, lora_path: adapter.filePath };
      try {
        await readText(await send('POST', '/v1/load_lora_adapter', body, call), call);
      } catch (error) {
        // vLLM refuses a name that it has; names are hashes of the content, so it has the right one.
        if (!AppError.isInstance(error) || !/already been loaded/i.test(error.message)) throw error;
      }
    },
    async unloadAdapter(sha256, call = {}) {
      const response = await send('POST', '/v1/unload_lora_adapter', { lora_name: sha256 }, call);
      await readText(response, call);
    },
    readAdapterFormat: async (call = {}) => ((await isOwnServer(call)) ? 'gguf' : 'peft'),
    close: () => agent.destroy(),
  };
}

function toChatBody(request: ChatRequest): Record<string, unknown> {
  return {
    messages: request.messages,
    stream: true,
    stream_options: { include_usage: true },
    temperature: request.temperature ?? 0,
    max_tokens: request.maxTokens ?? DEFAULT_MAX_TOKENS,
    ...(request.topP === undefined ? {} : { top_p: request.topP }),
    ...(request.seed === undefined ? {} : { seed: request.seed }),
    ...(request.stop === undefined || request.stop.length === 0 ? {} : { stop: request.stop }),
    ...(request.repetitionPenalty === undefined || request.repetitionPenalty === 1
      ? {}
      : { repetition_penalty: request.repetitionPenalty }),
    ...(request.jsonSchema === undefined
      ? {}
      : { response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: request.jsonSchema } } }),
  };
}

const noTimings: RuntimeTimings = { queueMs: null, prefillMs: null, decodeMs: null };
const noUsage: TokenUsage = { promptTokens: 0, cachedPromptTokens: 0, completionTokens: 0 };
/** The connection is closed on abort, so the server's own last chunk cannot arrive. */
const abortedChunk: ChatChunk = {
  type: 'finish',
  reason: 'abort',
  usage: noUsage,
  timings: noTimings,
  baseSha256: null,
  adapterSha256: null,
};

async function* readChatStream(
  body: AsyncIterable<Uint8Array>,
  call: CallOptions,
  where: string,
): AsyncGenerator<ChatChunk> {
  let events: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (event) => events.push(event) });
  const decoder = new TextDecoder();
  let reason: 'stop' | 'length' | 'abort' | undefined;
  let usage = noUsage;
  let timings = noTimings;
  let baseSha256: string | null = null;
  let adapterSha256: string | null = null;
  let isDone = false;
  try {
    for await (const bytes of body) {
      parser.feed(decoder.decode(bytes, { stream: true }));
      const received = events;
      events = [];
      for (const event of received) {
        if (event.data === '[DONE]') {
          isDone = true;
          continue;
        }
        const json = parseJson(event.data);
        const failure = errorBodySchema.safeParse(json);
        if (failure.success) throw toResponseError(500, event.data, where);
        const chunk = chatChunkSchema.safeParse(json);
        if (!chunk.success) throw badAnswer('/v1/chat/completions', chunk.error);
        const choice = chunk.data.choices[0];
        const text = choice?.delta.content ?? '';
        if (text !== '') yield { type: 'text-delta', text };
        if (choice?.finish_reason !== null && choice?.finish_reason !== undefined) {
          reason =
            choice.finish_reason === 'length' || choice.finish_reason === 'abort' ? choice.finish_reason : 'stop';
        }
        if (chunk.data.usage !== null && chunk.data.usage !== undefined) {
          usage = {
            promptTokens: chunk.data.usage.prompt_tokens,
            cachedPromptTokens: chunk.data.usage.prompt_tokens_details?.cached_tokens ?? 0,
            completionTokens: chunk.data.usage.completion_tokens ?? 0,
          };
        }
        const extra = chunk.data.lorehouse;
        if (extra !== null && extra !== undefined) {
          timings = {
            queueMs: extra.timings.queue_ms,
            prefillMs: extra.timings.prefill_ms,
            decodeMs: extra.timings.decode_ms,
          };
          baseSha256 = extra.base_sha256;
          adapterSha256 = extra.adapter_sha256;
        }
      }
    }
  } catch (error) {
    if (AppError.isInstance(error)) throw error;
    throw toTransportError(error, call.signal, where);
  }
  if (!isDone || reason === undefined) {
    throw unavailable(where, 'the stream ended before the answer was complete');
  }
  yield { type: 'finish', reason, usage, timings, baseSha256, adapterSha256 };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: the schemas refuse undefined and say what was expected.
    return undefined;
  }
}

function parseAnswer<T extends z.ZodType>(text: string, schema: T, path: string): z.output<T> {
  const parsed = schema.safeParse(parseJson(text));
  if (!parsed.success) throw badAnswer(path, parsed.error);
  return parsed.data;
}

function badAnswer(path: string, cause: z.ZodError): AppError {
  return new AppError({
    code: 'runtime.bad-answer',
    message: `the inference server's answer to ${path} is not what the OpenAI API promises: ${z.prettifyError(cause)}`,
    userMessage: 'The inference server gave an answer that could not be read.',
    cause,
  });
}

function requireLength<T>(list: readonly T[], expected: number, path: string): T[] {
  if (list.length === expected) return [...list];
  throw new AppError({
    code: 'runtime.bad-answer',
    message: `the inference server answered ${path} with ${list.length} items; expected ${expected}`,
    userMessage: 'The inference server gave an answer that could not be read.',
  });
}

function decodeVector(embedding: string | readonly number[]): Float32Array {
  if (typeof embedding !== 'string') return Float32Array.from(embedding);
  const bytes = Buffer.from(embedding, 'base64');
  const vector = new Float32Array(bytes.byteLength / Float32Array.BYTES_PER_ELEMENT);
  for (let index = 0; index < vector.length; index += 1) vector[index] = bytes.readFloatLE(index * 4);
  return vector;
}

/** A foreign server need not normalise; the port promises it. A vector of norm 1 (within float error) stays as it is. */
function normalise(vector: Float32Array): Float32Array {
  const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return norm === 0 || Math.abs(norm - 1) < 1e-5 ? vector : vector.map((value) => value / norm);
}

function unavailable(where: string, reason: string, cause?: unknown): AppError {
  return new AppError({
    code: 'runtime.unavailable',
    message: `the inference server at ${where} does not answer: ${reason}; is it running, and is RUNTIME_URL right?`,
    userMessage: 'The language model is not reachable at the moment. Please try again.',
    isRetryable: true,
    retryAfterMs: 2000,
    cause,
  });
}

/** An abort by the caller keeps its reason; everything else on the wire means that the server is not there. */
function toTransportError(error: unknown, signal: AbortSignal | undefined, where: string): unknown {
  if (signal?.aborted === true && !(signal.reason instanceof DOMException && signal.reason.name === 'TimeoutError')) {
    return signal.reason;
  }
  return unavailable(where, error instanceof Error ? error.message || error.name : String(error), error);
}

const CODE_BY_STATUS: Readonly<Record<number, string>> = {
  400: 'input.invalid',
  401: 'runtime.unauthorised',
  403: 'runtime.unauthorised',
  404: 'runtime.model-unknown',
  422: 'input.invalid',
  429: 'runtime.busy',
  502: 'runtime.unavailable',
  503: 'runtime.unavailable',
  504: 'runtime.unavailable',
};

function toResponseError(status: number, text: string, where: string): AppError {
  const parsed = errorBodySchema.safeParse(parseJson(text));
  const body = parsed.success ? parsed.data.error : undefined;
  const ownCode = typeof body?.code === 'string' && body.code.includes('.') ? body.code : undefined;
  const code = ownCode ?? CODE_BY_STATUS[status] ?? 'runtime.failed';
  const isRetryable = body?.is_retryable ?? (status === 429 || status >= 502);
  return new AppError({
    code,
    message: `${where} answered ${status}: ${body?.message ?? text.slice(0, 500)}`,
    userMessage: body?.user_message ?? 'The inference server could not answer this request.',
    isRetryable,
    ...(isRetryable ? { retryAfterMs: 2000 } : {}),
    details: body?.details ?? {},
  });
}
