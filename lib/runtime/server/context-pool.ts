/**
 * One llama.cpp context for the base and one for each adapter in use, keyed by the adapter's SHA-256. A context owns its
 * KV cache; the prompt tokens in it are only ever valid for its own adapter, which is why caches are never shared and no
 * context ever changes its adapter.
 *
 * Contexts and weights that nobody uses stay until the memory budget needs their place; the least recently used go first. A
 * known adapter whose memory was taken is loaded again from its file when the next request names it.
 */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { LlamaContext, LlamaModel } from 'node-llama-cpp';
import { AppError } from '#lib/domain/errors.ts';
import type { PoolUsage } from '../runtime-port.ts';
import type { BaseModel } from './base-model.ts';
import { modelUnknown } from './errors.ts';
import type { PrefixCache } from './prefill.ts';

/** A context that stays where it is until it is released. The caller serialises work on one context. */
export interface ContextLease {
  readonly adapterSha256: string | null;
  readonly context: LlamaContext;
  readonly cache: PrefixCache;
  /** Idempotent. */
  release(): void;
}

export interface ContextPool {
  /** Known adapters, in memory or not. */
  readonly adapters: readonly string[];
  readonly usage: PoolUsage;
  /** Makes an adapter known and has it in memory, which proves that it loads. */
  registerAdapter(sha256: string, filePath: string): Promise<void>;
  /** Requests that are being answered with it are answered to their end. */
  unregisterAdapter(sha256: string): Promise<void>;
  isRegistered(sha256: string): boolean;
  /** The context of the base (null) or of a known adapter; loaded when it is not in memory. */
  acquire(adapterSha256: string | null): Promise<ContextLease>;
}

interface Entry {
  readonly adapterSha256: string | null;
  readonly filePath: string | null;
  /** 0: not in memory. */
  weightBytes: number;
  loaded: { readonly context: LlamaContext; readonly cache: PrefixCache } | null;
  leases: number;
  isForgotten: boolean;
}

interface LoraCache {
  get(filePath: string): unknown;
  delete(filePath: string): boolean;
}

/**
 * node-llama-cpp keeps every adapter that it ever loaded until the model goes (its own map, by resolved path). Taking one out
 * of the map and disposing of it frees its memory; the version is pinned because this is no part of its API.
 */
function readLoraCache(model: LlamaModel): LoraCache | null {
  const cache: unknown = Reflect.get(model, '_loraAdapters');
  return cache instanceof Map ? cache : null;
}

function isDisposable(value: unknown): value is { dispose(): Promise<void> } {
  return typeof value === 'object' && value !== null && 'dispose' in value && typeof value.dispose === 'function';
}

const BASE_KEY = 'base';

export function createContextPool(
  base: BaseModel,
  options: {
    readonly threads: number;
    readonly batchSize: number;
    /** What the contexts and adapters in memory may take together. The one in use stays even where it takes more. */
    readonly budgetBytes: number;
  },
): ContextPool {
  /** In order of last use, oldest first. Forgotten adapters are in it no more. */
  const entries = new Map<string, Entry>([[BASE_KEY, createEntry(null, null)]]);
  const loraCache = readLoraCache(base.model);
  let contextBytes: number | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  /** Loading and freeing one after the other: two requests for one adapter load it once, and the sums stay right. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = turn.then(work);
    turn = result.catch(() => undefined);
    return result;
  }

  async function estimateContextBytes(): Promise<number> {
    if (contextBytes === undefined) {
      const { cpuRam, gpuVram } = await base.model.fileInsights.estimateContextResourceRequirementsV2({
        contextSize: base.contextTokens,
        modelGpuLayers: base.model.gpuLayers,
        batchSize: options.batchSize,
        sequences: 1,
      });
      contextBytes = base.backend.llama.gpu === false ? cpuRam : gpuVram;
    }
    return contextBytes;
  }

  const measure = (entry: Entry) => (entry.loaded === null ? 0 : (contextBytes ?? 0)) + entry.weightBytes;
  const measureAll = () => [...entries.values()].reduce((sum, entry) => sum + measure(entry), 0);

  async function free(entry: Entry): Promise<void> {
    const { loaded, filePath } = entry;
    entry.loaded = null;
    await loaded?.context.dispose();
    if (filePath === null || entry.weightBytes === 0 || loraCache === null) return;
    const key = path.resolve(filePath);
    const weights = loraCache.get(key);
    loraCache.delete(key);
    if (isDisposable(weights)) await weights.dispose();
    entry.weightBytes = 0;
  }

  async function makeRoom(wanted: Entry, neededBytes: number): Promise<void> {
    for (const entry of entries.values()) {
      if (measureAll() + neededBytes <= options.budgetBytes) return;
      if (entry !== wanted && entry.leases === 0) await free(entry);
    }
  }

  async function load(entry: Entry): Promise<NonNullable<Entry['loaded']>> {
    if (entry.loaded !== null) return entry.loaded;
    const { adapterSha256, filePath } = entry;
    try {
      const weightBytes = filePath === null || entry.weightBytes > 0 ? 0 : (await stat(filePath)).size;
      await makeRoom(entry, (await estimateContextBytes()) + weightBytes);
      const context = await base.model.createContext({
        contextSize: base.contextTokens,
        batchSize: options.batchSize,
        threads: { ideal: options.threads, min: options.threads },
        sequences: 1,
        ...(filePath === null ? {} : { lora: { adapters: [{ filePath, scale: 1 }] } }),
      });
      entry.weightBytes += weightBytes;
      entry.loaded = { context, cache: { sequence: context.getSequence(), blockTokens: 0 } };
      return entry.loaded;
    } catch (cause) {
      const reason = base.backend.readErrors();
      const text = cause instanceof Error ? cause.message : String(cause);
      throw adapterSha256 === null
        ? new AppError({
            code: 'runtime.unavailable',
            message: `the inference context could not be created: ${text} ${reason}`.trim(),
            isRetryable: true,
            cause,
          })
        : new AppError({
            code: 'adapter.unloadable',
            message: `adapter ${adapterSha256} does not load on ${base.id}: ${reason || text}`,
            userMessage: 'The adapter could not be loaded on this base model.',
            details: { adapterSha256 },
            cause,
          });
    }
  }

  function acquire(adapterSha256: string | null): Promise<ContextLease> {
    return inTurn(async () => {
      const key = adapterSha256 ?? BASE_KEY;
      const entry = entries.get(key);
      if (entry === undefined) throw modelUnknown(key, [...entries.keys()]);
      const loaded = await load(entry);
      entries.delete(key);
      entries.set(key, entry);
      entry.leases += 1;
      let isReleased = false;
      return {
        adapterSha256,
        ...loaded,
        release() {
          if (isReleased) return;
          isReleased = true;
          entry.leases -= 1;
          if (entry.isForgotten && entry.leases === 0) void inTurn(() => free(entry));
        },
      };
    });
  }

  return {
    get adapters() {
      return [...entries.keys()].filter((key) => key !== BASE_KEY);
    },
    get usage() {
      const inMemory = [...entries.values()];
      return {
        contexts: inMemory.filter(({ loaded }) => loaded !== null).length,
        adapters: inMemory.filter(({ weightBytes }) => weightBytes > 0).length,
        usedBytes: measureAll(),
        budgetBytes: options.budgetBytes,
      };
    },
    isRegistered: (sha256) => entries.has(sha256),
    async registerAdapter(sha256, filePath) {
      const entry = entries.get(sha256) ?? createEntry(sha256, filePath);
      entries.set(sha256, entry);
      try {
        (await acquire(sha256)).release();
      } catch (error) {
        if (entries.get(sha256) === entry) entries.delete(sha256);
        throw error;
      }
    },
    async unregisterAdapter(sha256) {
      const entry = entries.get(sha256);
      if (entry === undefined) return;
      entries.delete(sha256);
      entry.isForgotten = true;
      if (entry.leases === 0) await inTurn(() => free(entry));
    },
    acquire,
  };
}

function createEntry(adapterSha256: string | null, filePath: string | null): Entry {
  return { adapterSha256, filePath, weightBytes: 0, loaded: null, leases: 0, isForgotten: false };
}
