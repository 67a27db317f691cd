/**
 * The engine of the real models. Loading happens in the background; what fails to load is named in the status, and the
 * other half keeps serving: without a base model there are still embeddings.
 */

import os from 'node:os';
import type { Token } from 'node-llama-cpp';
import type { RuntimeStatus } from '../runtime-port.ts';
import {
  type BaseModel,
  type BaseModelSource,
  type GpuChoice,
  type LlamaBackend,
  loadBaseModel,
  startLlama,
} from './base-model.ts';
import { type ContextPool, createContextPool } from './context-pool.ts';
import {
  type EmbeddingModel,
  type EmbeddingModelSource,
  loadGgufEmbeddingModel,
  loadOnnxEmbeddingModel,
} from './embedding-model.ts';
import type { EngineCallOptions, GenerateEvent, GenerateRequest, RuntimeEngine, TokenizeInput } from './engine.ts';
import { modelUnknown, noBaseModel, noEmbeddingModel, promptTooLong, runtimeBusy, runtimeLoading } from './errors.ts';
import { generateText } from './generate.ts';
import { longestEvaluation } from './prefill.ts';
import { createInferenceQueue } from './queue.ts';
import { scoreTokens } from './scoring.ts';

export interface ModelEngineOptions {
  /** Null: answers are extractive; `baseModelProblem` says why in plain words. */
  readonly baseModel: BaseModelSource | null;
  readonly baseModelProblem?: string;
  readonly embeddingModel: EmbeddingModelSource | null;
  readonly embeddingModelProblem?: string;
  readonly gpu: GpuChoice;
  /** Compute threads of the base model. The embedding thread takes one of its own. */
  readonly threads: number;
  /** Prompt and answer together; never more than the model was trained on. Default 4096. */
  readonly contextTokens?: number;
  /** Requests that may wait per queue. Default 32. */
  readonly queueLimit?: number;
  /** For contexts and adapters kept ready. Default: see `chooseMemoryBudget`. */
  readonly adapterBudgetBytes?: number;
  readonly onLog: (level: 'info' | 'warn' | 'error', message: string) => void;
}

export interface ModelEngine extends RuntimeEngine {
  /** Resolves when everything is loaded or has failed to load. */
  readonly loaded: Promise<void>;
}

const DEFAULT_CONTEXT_TOKENS = 4096;
const DEFAULT_QUEUE_LIMIT = 32;
/**
 * Tokens evaluated at once; an abort waits for one block, and a cached prefix is reused in whole blocks. The default model on
 * one thread takes 28 ms a token in blocks of 64, 25 in blocks of 128 and 24 in one piece; a GPU wants more work at a time.
 */
const CPU_BLOCK_TOKENS = 128;
const GPU_BLOCK_TOKENS = 256;
const MAX_BUDGET_BYTES = 4 * 1024 ** 3;
/** A question waits for at most this many passages of somebody's ingestion. */
const EMBED_SUB_BATCH_TEXTS = 4;

export function startModelEngine(options: ModelEngineOptions): ModelEngine {
  const limit = options.queueLimit ?? DEFAULT_QUEUE_LIMIT;
  const generationQueue = createInferenceQueue({ concurrency: 1, limit });
  const embeddingSlots = createInferenceQueue({ concurrency: 1, limit: Number.POSITIVE_INFINITY });
  let embeddingRequests = 0;
  let isLoading = true;
  let backend: LlamaBackend | undefined;
  let base: BaseModel | undefined;
  let pool: ContextPool | undefined;
  let embedding: EmbeddingModel | undefined;
  let baseProblem = options.baseModel === null ? (options.baseModelProblem ?? 'BASE_MODEL is none') : undefined;
  let embeddingProblem =
    options.embeddingModel === null ? (options.embeddingModelProblem ?? 'no embedding model is installed') : undefined;

  // llama.cpp starts once, and only when a GGUF is to be loaded.
  let startingBackend: Promise<LlamaBackend> | undefined;
  const needBackend = () => {
    startingBackend ??= startLlama({ gpu: options.gpu, threads: options.threads, onLog: options.onLog });
    return startingBackend;
  };

  async function loadBase(source: BaseModelSource): Promise<void> {
    try {
      backend = await needBackend();
      const loaded = await loadBaseModel(backend, source, {
        contextTokens: options.contextTokens ?? DEFAULT_CONTEXT_TOKENS,
      });
      const contexts = createContextPool(loaded, {
        threads: options.threads,
        batchSize: longestEvaluation(blockSizeOf(backend)),
        budgetBytes: options.adapterBudgetBytes ?? (await chooseMemoryBudget(backend)),
      });
      (await contexts.acquire(null)).release();
      base = loaded;
      pool = contexts;
    } catch (error) {
      baseProblem = readReason(error);
      options.onLog('error', `base model ${source.id}: ${baseProblem}`);
    }
  }

  async function loadEmbedding(source: EmbeddingModelSource): Promise<void> {
    try {
      embedding =
        source.kind === 'onnx'
          ? await loadOnnxEmbeddingModel(source, {
              threads: 1,
              onCrash(error) {
                embedding = undefined;
                embeddingProblem = error.message;
                options.onLog('error', `embedding model ${source.id}: ${error.message}`);
              },
            })
          : await loadGgufEmbeddingModel(source, { backend: await needBackend(), threads: options.threads });
    } catch (error) {
      embeddingProblem = readReason(error);
      options.onLog('error', `embedding model ${source.id}: ${embeddingProblem}`);
    }
  }

  async function loadAll(): Promise<void> {
    await Promise.all([
      options.embeddingModel === null ? undefined : loadEmbedding(options.embeddingModel),
      options.baseModel === null ? undefined : loadBase(options.baseModel),
    ]);
    isLoading = false;
  }
  const loaded = loadAll();

  function requireBase(): { base: BaseModel; pool: ContextPool } {
    if (base !== undefined && pool !== undefined) return { base, pool };
    if (baseProblem === undefined) throw runtimeLoading();
    throw noBaseModel(baseProblem);
  }

  function requireEmbedding(): EmbeddingModel {
    if (embedding !== undefined) return embedding;
    if (embeddingProblem === undefined) throw runtimeLoading();
    throw noEmbeddingModel(embeddingProblem);
  }

  function isEmbeddingName(model: string): boolean {
    return model === 'embedding' || model === (embedding?.id ?? options.embeddingModel?.id);
  }

  return {
    loaded,
    readStatus(): RuntimeStatus {
      const problems = [
        ...(baseProblem === undefined ? [] : [`No base model: ${baseProblem}`]),
        ...(embeddingProblem === undefined ? [] : [`No embedding model: ${embeddingProblem}`]),
      ];
      return {
        state: isLoading ? 'loading' : problems.length > 0 ? 'degraded' : 'ready',
        baseModel:
          base === undefined
            ? null
            : {
                id: base.id,
                sha256: base.sha256,
                contextTokens: base.contextTokens,
                templateSha256: base.template.templateSha256,
              },
        embeddingModel:
          embedding === undefined
            ? null
            : {
                id: embedding.id,
                sha256: embedding.sha256,
                dimensions: embedding.dimensions,
                maxTokens: embedding.maxTokens,
              },
        gpu: backend?.llama.gpu ?? false,
        threads: options.threads,
        queue: { active: generationQueue.active, waiting: generationQueue.waiting, limit },
        pool: pool?.usage,
        problems,
      };
    },
    listModels() {
      return [
        ...(base === undefined ? [] : [{ id: base.id, kind: 'base' as const, sha256: base.sha256 }]),
        ...(pool?.adapters ?? []).map((sha256) => ({ id: sha256, kind: 'adapter' as const, sha256 })),
        ...(embedding === undefined
          ? []
          : [{ id: embedding.id, kind: 'embedding' as const, sha256: embedding.sha256 }]),
      ];
    },
    generate(request, callOptions) {
      const ready = requireBase();
      const adapterSha256 = resolveAdapter(request.model, ready.base, ready.pool);
      const tokens = tokenizeInput(ready.base, request.input);
      checkLength(tokens, ready.base, 1);
      const queuedAt = performance.now();
      const slot = generationQueue.acquire(callOptions);
      // The stream is consumed later; an abort before that must not surface as an unhandled rejection.
      slot.catch(() => undefined);

      return (async function* stream(): AsyncGenerator<GenerateEvent> {
        const provenance = { baseSha256: ready.base.sha256, adapterSha256 };
        let release: () => void;
        try {
          release = await slot;
        } catch (error) {
          if (!callOptions.signal.aborted) throw error;
          yield {
            type: 'finish',
            reason: 'abort',
            usage: { promptTokens: tokens.length, cachedPromptTokens: 0, completionTokens: 0 },
            timings: { queueMs: performance.now() - queuedAt, prefillMs: 0, decodeMs: 0 },
            ...provenance,
          };
          return;
        }
        try {
          const queueMs = performance.now() - queuedAt;
          const lease = await ready.pool.acquire(adapterSha256);
          try {
            const result = yield* generateText(ready.base, lease.cache, tokens, request, {
              blockSize: blockSizeOf(ready.base.backend),
              signal: callOptions.signal,
            });
            yield {
              type: 'finish',
              reason: result.reason,
              usage: {
                promptTokens: tokens.length,
                cachedPromptTokens: result.cachedPromptTokens,
                completionTokens: result.completionTokens,
              },
              timings: { queueMs, prefillMs: result.prefillMs, decodeMs: result.decodeMs },
              ...provenance,
            };
          } finally {
            lease.release();
          }
        } finally {
          release();
        }
      })();
    },
    async scoreTokens(request, callOptions) {
      const ready = requireBase();
      const adapterSha256 = resolveAdapter(request.model, ready.base, ready.pool);
      const tokens = ready.base.toTokens(request.tokens);
      checkLength(tokens, ready.base, 0);
      const release = await generationQueue.acquire(callOptions);
      try {
        const lease = await ready.pool.acquire(adapterSha256);
        try {
          return await scoreTokens(lease.cache, tokens, {
            fromIndex: request.fromIndex,
            blockSize: blockSizeOf(ready.base.backend),
            signal: callOptions.signal,
          });
        } finally {
          lease.release();
        }
      } finally {
        release();
      }
    },
    async tokenize(model: string, inputs: readonly TokenizeInput[]) {
      if (isEmbeddingName(model)) {
        const texts = inputs.map((input) =>
          'text' in input ? input.text : input.messages.map((m) => m.content).join('\n'),
        );
        const addSpecialTokens = inputs.some((input) => 'text' in input && input.addSpecialTokens);
        return requireEmbedding().tokenize(texts, addSpecialTokens);
      }
      const ready = requireBase();
      resolveAdapter(model, ready.base, ready.pool);
      return inputs.map((input) =>
        'messages' in input
          ? ready.base.tokenizeMessages(input.messages, input.addGenerationPrompt)
          : ready.base.tokenizeText(input.text, input),
      );
    },
    async embed(request, callOptions: EngineCallOptions) {
      const model = requireEmbedding();
      if (!isEmbeddingName(request.model)) throw modelUnknown(request.model, ['embedding', model.id]);
      if (embeddingRequests > limit) throw runtimeBusy(limit);
      embeddingRequests += 1;
      try {
        const prefix = model.prefixes[request.purpose];
        const vectors: Float32Array[] = [];
        let promptTokens = 0;
        for (let start = 0; start < request.texts.length; start += EMBED_SUB_BATCH_TEXTS) {
          callOptions.signal.throwIfAborted();
          const texts = request.texts.slice(start, start + EMBED_SUB_BATCH_TEXTS).map((text) => prefix + text);
          const release = await embeddingSlots.acquire(callOptions);
          try {
            const result = await model.embed(texts);
            vectors.push(...result.vectors);
            promptTokens += result.promptTokens;
          } finally {
            release();
          }
        }
        return { vectors, promptTokens };
      } finally {
        embeddingRequests -= 1;
      }
    },
    async loadAdapter(sha256, filePath) {
      await requireBase().pool.registerAdapter(sha256, filePath);
    },
    async unloadAdapter(sha256) {
      const ready = requireBase();
      if (!ready.pool.isRegistered(sha256)) throw modelUnknown(sha256, ready.pool.adapters);
      await ready.pool.unregisterAdapter(sha256);
    },
    async close() {
      await embedding?.close();
    },
  };
}

/**
 * A quarter of the machine's memory, at most 4 GiB: the base, the database and training live beside it. On a GPU half of what
 * is free once the base is in its memory.
 */
async function chooseMemoryBudget({ llama }: LlamaBackend): Promise<number> {
  if (llama.gpu !== false) return (await llama.getVramState()).free / 2;
  const limit = process.constrainedMemory();
  const total = limit > 0 ? Math.min(limit, os.totalmem()) : os.totalmem();
  return Math.min(total / 4, MAX_BUDGET_BYTES);
}

function blockSizeOf(backend: LlamaBackend): number {
  return backend.llama.gpu === false ? CPU_BLOCK_TOKENS : GPU_BLOCK_TOKENS;
}

function readReason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** @returns null for the base, else the adapter's SHA-256 */
function resolveAdapter(model: string, loadedBase: BaseModel, contexts: ContextPool): string | null {
  if (model === 'base' || model === loadedBase.id) return null;
  if (contexts.isRegistered(model)) return model;
  throw modelUnknown(model, ['base', loadedBase.id, ...contexts.adapters]);
}

function tokenizeInput(loadedBase: BaseModel, input: GenerateRequest['input']): Token[] {
  if ('messages' in input) return loadedBase.tokenizeMessages(input.messages, true);
  if ('prompt' in input) return loadedBase.tokenizeText(input.prompt, { addSpecialTokens: true, continues: false });
  return loadedBase.toTokens(input.tokens);
}

function checkLength(tokens: readonly Token[], loadedBase: BaseModel, answerTokens: number): void {
  // One cell stays free: llama.cpp would otherwise drop the beginning of the prompt to make room.
  if (tokens.length + answerTokens > loadedBase.contextTokens - 1) {
    throw promptTooLong(tokens.length, loadedBase.contextTokens);
  }
}
