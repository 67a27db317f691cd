/** The OpenAI-compatible HTTP API over an engine. Knows no model: the fake of the tests runs behind the same routes. */
import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { z } from 'zod';
import { AppError, invalidInput } from '#lib/domain/errors.ts';
import {
  type ChatCompletionBody,
  type CompletionBody,
  chatCompletionBodySchema,
  completionBodySchema,
  embeddingBodySchema,
  loadAdapterBodySchema,
  PRIORITY_HEADER,
  prioritySchema,
  tokenizeBodySchema,
  unloadAdapterBodySchema,
} from '../protocol.ts';
import { createAdapterFileCheck } from './adapter-file.ts';
import type { EngineCallOptions, GenerateEvent, GenerateRequest, RuntimeEngine } from './engine.ts';

export interface RuntimeHttpOptions {
  readonly engine: RuntimeEngine;
  /** Bearer token; null where the socket's file mode is the guard. */
  readonly token: string | null;
  /** Only files in this directory may be loaded as adapters; null refuses all. */
  readonly adaptersDir: string | null;
  /** Unexpected errors; expected ones go to the caller only. */
  readonly onError: (error: unknown) => void;
}

/** A batch of passages at the longest; far above any prompt that fits a context. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;
const DEFAULT_CHAT_TOKENS = 256;

export function createRuntimeApp(options: RuntimeHttpOptions): Hono {
  const { engine } = options;
  const checkAdapterFile = createAdapterFileCheck(options.adaptersDir);
  const app = new Hono();

  app.onError((error, c) => {
    const appError = toAppError(error);
    if (appError.code === 'internal') options.onError(error);
    return errorResponse(c, appError);
  });
  app.notFound((c) =>
    errorResponse(c, new AppError({ code: 'route.not-found', message: `no route ${c.req.method} ${c.req.path}` })),
  );

  app.use(async (c, next) => {
    if (options.token !== null && !isTokenValid(c.req.header('authorization'), options.token)) {
      throw new AppError({
        code: 'runtime.unauthorised',
        message: 'the inference server expects a bearer token; set RUNTIME_TOKEN to the one it was started with',
      });
    }
    await next();
  });
  app.use(
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: (c) => errorResponse(c, invalidInput(`the request body is larger than ${MAX_BODY_BYTES} bytes`)),
    }),
  );

  app.get('/health', (c) => c.json(engine.readStatus()));

  app.get('/v1/models', (c) => {
    const status = engine.readStatus();
    const base = status.baseModel?.id ?? null;
    return c.json({
      object: 'list',
      data: engine.listModels().map((model) => ({
        id: model.id,
        object: 'model',
        created: 0,
        owned_by: 'lorehouse',
        root: model.kind === 'adapter' ? base : model.id,
        parent: model.kind === 'adapter' ? base : null,
        max_model_len:
          model.kind === 'embedding' ? status.embeddingModel?.maxTokens : (status.baseModel?.contextTokens ?? null),
        lorehouse: { kind: model.kind, sha256: model.sha256 },
      })),
    });
  });

  app.post('/v1/chat/completions', async (c) => {
    const body = await readBody(c, chatCompletionBodySchema);
    return respondWithGeneration(c, engine, toChatRequest(body), body, 'chat');
  });

  app.post('/v1/completions', async (c) => {
    const body = await readBody(c, completionBodySchema);
    if (body.echo || body.max_tokens === 0) return respondWithScore(c, engine, body);
    const input = typeof body.prompt === 'string' ? { prompt: body.prompt } : { tokens: body.prompt };
    const request = { ...toSampling(body), input, maxTokens: body.max_tokens, jsonSchema: undefined };
    return respondWithGeneration(c, engine, request, body, 'text');
  });

  app.post('/v1/embeddings', async (c) => {
    const body = await readBody(c, embeddingBodySchema);
    const { vectors, promptTokens } = await engine.embed(
      { model: body.model, texts: body.input, purpose: body.input_type },
      readCallOptions(c),
    );
    return c.json({
      object: 'list',
      model: body.model,
      data: vectors.map((vector, index) => ({
        object: 'embedding',
        index,
        embedding: body.encoding_format === 'base64' ? toBase64(vector) : [...vector],
      })),
      usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
    });
  });

  app.post('/tokenize', async (c) => {
    const body = await readBody(c, tokenizeBodySchema);
    const call = readCallOptions(c);
    if ('messages' in body) {
      const [tokens = []] = await engine.tokenize(
        body.model,
        [{ messages: body.messages, addGenerationPrompt: body.add_generation_prompt }],
        call,
      );
      return c.json({ count: tokens.length, tokens });
    }
    const prompts = typeof body.prompt === 'string' ? [body.prompt] : body.prompt;
    const lists = await engine.tokenize(
      body.model,
      prompts.map((text) => ({ text, addSpecialTokens: body.add_special_tokens, continues: body.continues })),
      call,
    );
    const counts = lists.map((tokens) => tokens.length);
    if (typeof body.prompt !== 'string')
      return c.json({ count: counts.reduce((a, b) => a + b, 0), tokens: [], counts });
    return c.json({ count: counts[0] ?? 0, tokens: lists[0] ?? [] });
  });

  app.post('/v1/load_lora_adapter', async (c) => {
    const body = await readBody(c, loadAdapterBodySchema);
    const filePath = await checkAdapterFile(body.lora_path, body.lora_name);
    await engine.loadAdapter(body.lora_name, filePath);
    return c.text(`Success: LoRA adapter '${body.lora_name}' added successfully.`);
  });

  app.post('/v1/unload_lora_adapter', async (c) => {
    const body = await readBody(c, unloadAdapterBodySchema);
    await engine.unloadAdapter(body.lora_name);
    return c.text(`Success: LoRA adapter '${body.lora_name}' removed successfully.`);
  });

  return app;
}

function isTokenValid(header: string | undefined, token: string): boolean {
  // Hashes have equal lengths, which the constant-time comparison requires.
  return timingSafeEqual(digest(header ?? ''), digest(`Bearer ${token}`));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

async function readBody<T extends z.ZodType>(c: Context, schema: T): Promise<z.output<T>> {
  let json: unknown;
  try {
    json = await c.req.json();
  } catch (cause) {
    throw new AppError({ code: 'input.invalid', message: 'the request body is not JSON', cause });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`);
  throw invalidInput(`the request body is invalid: ${problems.join('; ')}`);
}

function readCallOptions(c: Context): EngineCallOptions {
  const priority = prioritySchema.safeParse(c.req.header(PRIORITY_HEADER) ?? 'chat');
  if (!priority.success) throw invalidInput(`${PRIORITY_HEADER}: expected ${prioritySchema.options.join(', ')}`);
  return { signal: c.req.raw.signal, priority: priority.data };
}

function toSampling(body: ChatCompletionBody | CompletionBody) {
  return {
    model: body.model,
    temperature: body.temperature,
    topP: body.top_p,
    seed: body.seed,
    stop: body.stop,
    repetitionPenalty: body.repetition_penalty,
  };
}

function toChatRequest(body: ChatCompletionBody): GenerateRequest {
  const format = body.response_format;
  return {
    ...toSampling(body),
    input: { messages: body.messages },
    maxTokens: body.max_completion_tokens ?? body.max_tokens ?? DEFAULT_CHAT_TOKENS,
    jsonSchema: format?.type === 'json_schema' ? format.json_schema.schema : undefined,
  };
}

async function respondWithGeneration(
  c: Context,
  engine: RuntimeEngine,
  request: GenerateRequest,
  body: ChatCompletionBody | CompletionBody,
  shape: 'chat' | 'text',
): Promise<Response> {
  const call = readCallOptions(c);
  const stop = new AbortController();
  const signal = AbortSignal.any([call.signal, stop.signal]);
  const events = engine.generate(request, { ...call, signal });
  const head = {
    id: `${shape === 'chat' ? 'chatcmpl' : 'cmpl'}-${randomUUID()}`,
    created: Math.floor(Date.now() / 1000),
    model: body.model,
  };
  if (!body.stream) {
    let text = '';
    for await (const event of events) {
      if (event.type === 'text-delta') {
        text += event.text;
        continue;
      }
      return c.json({
        ...head,
        object: shape === 'chat' ? 'chat.completion' : 'text_completion',
        choices: [
          {
            index: 0,
            finish_reason: event.reason,
            ...(shape === 'chat' ? { message: { role: 'assistant', content: text } } : { text, logprobs: null }),
          },
        ],
        usage: toWireUsage(event),
        lorehouse: toWireProvenance(event),
      });
    }
    throw new Error('the engine ended a generation without a finish event');
  }
  const object = shape === 'chat' ? 'chat.completion.chunk' : 'text_completion';
  const chunk = (rest: Readonly<Record<string, unknown>>) => ({ ...head, object, ...rest });
  const choice = (text: string, finishReason: string | null) => ({
    index: 0,
    finish_reason: finishReason,
    ...(shape === 'chat' ? { delta: text === '' ? {} : { role: 'assistant', content: text } } : { text }),
  });
  const encoder = new TextEncoder();
  const stream = new ReadableStream<Uint8Array>({
    async start(controller) {
      // Not waiting for the reader: a client that stalls must not hold the model. An answer is some kilobytes.
      const send = (payload: unknown) => {
        if (stop.signal.aborted) return;
        const line = typeof payload === 'string' ? payload : JSON.stringify(payload);
        controller.enqueue(encoder.encode(`data: ${line}\n\n`));
      };
      try {
        for await (const event of events) {
          if (event.type === 'text-delta') {
            send(chunk({ choices: [choice(event.text, null)] }));
            continue;
          }
          send(chunk({ choices: [choice('', event.reason)] }));
          send(chunk({ choices: [], usage: toWireUsage(event), lorehouse: toWireProvenance(event) }));
        }
        send('[DONE]');
      } catch (error) {
        send(toErrorBody(toAppError(error)));
      }
      if (!stop.signal.aborted) controller.close();
    },
    cancel() {
      stop.abort();
    },
  });
  return new Response(stream, {
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    },
  });
}

async function respondWithScore(c: Context, engine: RuntimeEngine, body: CompletionBody): Promise<Response> {
  if (!body.echo || body.max_tokens !== 0 || body.logprobs === null || body.logprobs === undefined) {
    throw invalidInput('scoring takes echo: true, max_tokens: 0 and logprobs together');
  }
  const call = readCallOptions(c);
  const tokens =
    typeof body.prompt === 'string'
      ? ((
          await engine.tokenize(body.model, [{ text: body.prompt, addSpecialTokens: true, continues: false }], call)
        )[0] ?? [])
      : body.prompt;
  const tokenLogprobs = await engine.scoreTokens({ model: body.model, tokens, fromIndex: body.logprobs_from }, call);
  return c.json({
    id: `cmpl-${randomUUID()}`,
    object: 'text_completion',
    created: Math.floor(Date.now() / 1000),
    model: body.model,
    choices: [
      {
        index: 0,
        text: '',
        finish_reason: 'length',
        logprobs: { token_logprobs: tokenLogprobs, tokens: tokens.map(String) },
      },
    ],
    usage: { prompt_tokens: tokens.length, completion_tokens: 0, total_tokens: tokens.length },
  });
}

type FinishEvent = Extract<GenerateEvent, { type: 'finish' }>;

function toWireUsage({ usage }: FinishEvent) {
  return {
    prompt_tokens: usage.promptTokens,
    completion_tokens: usage.completionTokens,
    total_tokens: usage.promptTokens + usage.completionTokens,
    prompt_tokens_details: { cached_tokens: usage.cachedPromptTokens },
  };
}

function toWireProvenance({ timings, baseSha256, adapterSha256 }: FinishEvent) {
  return {
    timings: { queue_ms: timings.queueMs, prefill_ms: timings.prefillMs, decode_ms: timings.decodeMs },
    base_sha256: baseSha256,
    adapter_sha256: adapterSha256,
  };
}

function toBase64(vector: Float32Array): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64');
}

function toAppError(error: unknown): AppError {
  if (AppError.isInstance(error)) return error;
  return new AppError({
    code: 'internal',
    message: `the inference server failed: ${error instanceof Error ? error.message : String(error)}`,
    userMessage: 'The inference server failed on this request.',
    cause: error,
  });
}

function toErrorBody(error: AppError) {
  return {
    error: {
      message: error.message,
      type: statusOf(error) < 500 ? 'invalid_request_error' : 'server_error',
      param: null,
      code: error.code,
      user_message: error.userMessage,
      is_retryable: error.isRetryable,
      details: error.details,
    },
  };
}

const STATUS_BY_CODE: Readonly<Record<string, 400 | 401 | 404 | 409 | 422 | 429 | 503>> = {
  'input.invalid': 400,
  'runtime.prompt-too-long': 400,
  'runtime.unauthorised': 401,
  'runtime.model-unknown': 404,
  'route.not-found': 404,
  'adapter.artifact-missing': 404,
  'adapter.checksum-mismatch': 422,
  'adapter.unloadable': 422,
  'runtime.busy': 429,
  'runtime.unavailable': 503,
  'runtime.no-base-model': 503,
  'runtime.no-embedding-model': 503,
};

function statusOf(error: AppError) {
  return STATUS_BY_CODE[error.code] ?? 500;
}

function errorResponse(c: Context, error: AppError): Response {
  if (error.retryAfterMs !== undefined) c.header('retry-after', String(Math.ceil(error.retryAfterMs / 1000)));
  return c.json(toErrorBody(error), statusOf(error));
}
