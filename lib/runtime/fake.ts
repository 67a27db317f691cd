/**
 * A runtime without models, for tests of timing and failure only: the same HTTP server, routes, queue and errors as the
 * real one, with scripted answers and delays. What a model would decide (quality, citations) is never tested on it.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ChatMessage } from './runtime-port.ts';
import type {
  EngineCallOptions,
  GenerateEvent,
  GenerateRequest,
  RuntimeEngine,
  TokenizeInput,
} from './server/engine.ts';
import { modelUnknown, noBaseModel, promptTooLong } from './server/errors.ts';
import { createRuntimeApp } from './server/http.ts';
import { listenRuntime } from './server/listen.ts';
import { createInferenceQueue } from './server/queue.ts';
import { createTextStream } from './server/text-stream.ts';

export interface FakeAnswer {
  readonly text: string;
  /** Before the first token. Default 0. */
  readonly prefillMs?: number;
  /** Before each token. Default 0. */
  readonly tokenMs?: number;
  /** Destroys the server's connections after this many tokens, as a killed process would. */
  readonly dieAfterTokens?: number;
}

export interface FakeRuntimeOptions {
  /** Default: repeats the last message. */
  readonly answer?: (messages: readonly ChatMessage[], request: GenerateRequest) => FakeAnswer;
  /** Before each embedded text. Default 0. */
  readonly embedMs?: number;
  /** False: behaves as a runtime whose base model is missing. Default true. */
  readonly hasBaseModel?: boolean;
  readonly contextTokens?: number;
  readonly queueLimit?: number;
  readonly dimensions?: number;
  /** Adapters may be loaded from it; they change no answer but the one that `answer` gives for `request.model`. Default: none. */
  readonly adaptersDir?: string;
}

export interface FakeRuntime {
  readonly socketPath: string;
  /** Every generation that was asked for, oldest first. */
  readonly requests: readonly GenerateRequest[];
  readonly close: () => Promise<void>;
}

const BASE_ID = 'fake-base';
const EMBEDDING_ID = 'fake-embedding';
const VOCABULARY = 32_000;

export async function startFakeRuntime(options: FakeRuntimeOptions = {}): Promise<FakeRuntime> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'fake-runtime-'));
  const socketPath = path.join(directory, 'runtime.sock');
  const requests: GenerateRequest[] = [];
  const server: { die?: () => Promise<void> } = {};
  const engine = createFakeEngine(options, requests, async () => server.die?.());
  const app = createRuntimeApp({
    engine,
    token: null,
    adaptersDir: options.adaptersDir ?? null,
    onError(error) {
      throw error;
    },
  });
  const listener = await listenRuntime(app, { socketPath });
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= listener.close().then(() => rm(directory, { recursive: true, force: true }));
    return closing;
  };
  server.die = close;
  return { socketPath, requests, close };
}

function createFakeEngine(
  options: FakeRuntimeOptions,
  requests: GenerateRequest[],
  die: () => Promise<void>,
): RuntimeEngine {
  const hasBaseModel = options.hasBaseModel ?? true;
  const contextTokens = options.contextTokens ?? 2048;
  const dimensions = options.dimensions ?? 64;
  const queue = createInferenceQueue({ concurrency: 1, limit: options.queueLimit ?? 32 });
  const answerOf = options.answer ?? repeatLastMessage;
  let held: readonly number[] = [];
  const adapters = new Set<string>();

  function requireModel(model: string): void {
    if (!hasBaseModel) throw noBaseModel('the fake was started without one');
    if (model !== 'base' && model !== BASE_ID && !adapters.has(model)) throw modelUnknown(model, ['base', BASE_ID]);
  }

  async function* run(
    request: GenerateRequest,
    messages: readonly ChatMessage[],
    prompt: readonly number[],
    call: EngineCallOptions,
    slot: Promise<() => void>,
  ): AsyncGenerator<GenerateEvent> {
    const queuedAt = performance.now();
    let startedAt = queuedAt;
    let firstTokenAt: number | undefined;
    let completionTokens = 0;
    let cachedPromptTokens = 0;
    const finish = (reason: 'stop' | 'length' | 'abort'): GenerateEvent => {
      const now = performance.now();
      return {
        type: 'finish',
        reason,
        usage: { promptTokens: prompt.length, cachedPromptTokens, completionTokens },
        timings: {
          queueMs: startedAt - queuedAt,
          prefillMs: (firstTokenAt ?? now) - startedAt,
          decodeMs: firstTokenAt === undefined ? 0 : now - firstTokenAt,
        },
        baseSha256: sha256(BASE_ID),
        adapterSha256: adapters.has(request.model) ? request.model : null,
      };
    };
    let release: (() => void) | undefined;
    try {
      release = await slot;
      startedAt = performance.now();
      cachedPromptTokens = Math.min(prompt.length - 1, sharedPrefix(held, prompt));
      held = prompt;
      const answer = answerOf(messages, request);
      await delay(answer.prefillMs ?? 0, undefined, { signal: call.signal });
      const stream = createTextStream(request.stop);
      for (const piece of splitTokens(answer.text)) {
        await delay(answer.tokenMs ?? 0, undefined, { signal: call.signal });
        firstTokenAt ??= performance.now();
        if (completionTokens === answer.dieAfterTokens) {
          await die();
          return;
        }
        completionTokens += 1;
        const text = stream.push(piece);
        if (text !== '') yield { type: 'text-delta', text };
        if (stream.isStopped) break;
        if (completionTokens >= request.maxTokens) {
          yield finish('length');
          return;
        }
      }
      const rest = stream.flush();
      if (rest !== '') yield { type: 'text-delta', text: rest };
      yield finish('stop');
    } catch (error) {
      if (!call.signal.aborted) throw error;
      yield finish('abort');
    } finally {
      release?.();
    }
  }

  return {
    readStatus: () => ({
      state: hasBaseModel ? 'ready' : 'degraded',
      baseModel: hasBaseModel
        ? { id: BASE_ID, sha256: sha256(BASE_ID), contextTokens, templateSha256: sha256('template') }
        : null,
      embeddingModel: { id: EMBEDDING_ID, sha256: sha256(EMBEDDING_ID), dimensions, maxTokens: 256 },
      gpu: false,
      threads: 1,
      queue: { active: queue.active, waiting: queue.waiting, limit: queue.limit },
      problems: hasBaseModel ? [] : ['No base model: the fake was started without one'],
    }),
    listModels: () => [
      ...(hasBaseModel ? [{ id: BASE_ID, kind: 'base' as const, sha256: sha256(BASE_ID) }] : []),
      { id: EMBEDDING_ID, kind: 'embedding', sha256: sha256(EMBEDDING_ID) },
    ],
    generate(request, call) {
      requireModel(request.model);
      const messages: readonly ChatMessage[] =
        'messages' in request.input
          ? request.input.messages
          : [{ role: 'user', content: 'prompt' in request.input ? request.input.prompt : '' }];
      const prompt = messages.flatMap((message) => [1, ...toTokens(message.content)]);
      if (prompt.length + 1 > contextTokens - 1) throw promptTooLong(prompt.length, contextTokens);
      const slot = queue.acquire(call);
      // The stream is consumed later; an abort before that must not surface as an unhandled rejection.
      slot.catch(() => undefined);
      requests.push(request);
      return run(request, messages, prompt, call, slot);
    },
    async scoreTokens(request) {
      requireModel(request.model);
      return request.tokens.map((token, index) =>
        index === 0 || index < request.fromIndex ? null : -Math.log(1 + (token % 7) + 1),
      );
    },
    async tokenize(model, inputs: readonly TokenizeInput[]) {
      if (model !== 'embedding' && model !== EMBEDDING_ID) requireModel(model);
      return inputs.map((input) =>
        'messages' in input ? input.messages.flatMap((m) => [1, ...toTokens(m.content)]) : toTokens(input.text),
      );
    },
    async embed(request, call) {
      if (request.model !== 'embedding' && request.model !== EMBEDDING_ID)
        throw modelUnknown(request.model, [EMBEDDING_ID]);
      const vectors: Float32Array[] = [];
      for (const text of request.texts) {
        await delay(options.embedMs ?? 0, undefined, { signal: call.signal });
        vectors.push(hashEmbedding(text, dimensions));
      }
      return { vectors, promptTokens: request.texts.flatMap(toTokens).length };
    },
    async loadAdapter(id) {
      if (!hasBaseModel) throw noBaseModel('the fake was started without one');
      adapters.add(id);
    },
    async unloadAdapter(id) {
      if (!adapters.delete(id)) throw modelUnknown(id, [BASE_ID]);
    },
    close: () => Promise.resolve(),
  };
}

function repeatLastMessage(messages: readonly ChatMessage[]): FakeAnswer {
  return { text: messages.at(-1)?.content ?? '' };
}

/** Words with the white space before them; joined they give the text back. */
function splitTokens(text: string): string[] {
  return text.match(/\s*\S+|\s+$/g) ?? [];
}

function toTokens(text: string): number[] {
  return splitTokens(text).map((piece) => 2 + (hashWord(piece.trim()) % (VOCABULARY - 2)));
}

function hashWord(word: string): number {
  return createHash('sha256').update(word).digest().readUInt32LE(0);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function sharedPrefix(a: readonly number[], b: readonly number[]): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) if (a[index] !== b[index]) return index;
  return length;
}

/** Texts that share words are near each other. */
function hashEmbedding(text: string, dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions);
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ['']) {
    const hash = hashWord(word);
    const index = hash % dimensions;
    vector[index] = (vector[index] ?? 0) + ((hash >>> 16) % 2 === 0 ? 1 : -1);
  }
  const norm = Math.hypot(...vector);
  if (norm === 0) vector[0] = 1;
  return norm === 0 ? vector : vector.map((value) => value / norm);
}
