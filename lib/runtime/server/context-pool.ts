/**
 * One llama.cpp context for the base and one for each adapter in use, keyed by the adapter's SHA-256. A context owns its
 * KV cache; the prompt tokens in it are only ever valid for its own adapter, which is why caches are never shared.
 *
 * The caller serialises work on one context (the inference queue has one slot on CPU).
 */
import type { LlamaContext } from 'node-llama-cpp';
import { AppError } from '#lib/domain/errors.ts';
import type { BaseModel } from './base-model.ts';
import { modelUnknown } from './errors.ts';
import type { PrefixCache } from './prefill.ts';

export interface PooledContext {
  readonly adapterSha256: string | null;
  readonly context: LlamaContext;
  readonly cache: PrefixCache;
}

export interface ContextPool {
  readonly adapters: readonly string[];
  registerAdapter(sha256: string, filePath: string): Promise<void>;
  unregisterAdapter(sha256: string): Promise<void>;
  isRegistered(sha256: string): boolean;
  /** The context of the base (null) or of a registered adapter; created when missing. */
  use(adapterSha256: string | null): Promise<PooledContext>;
}

export function createContextPool(
  base: BaseModel,
  options: {
    readonly threads: number;
    readonly batchSize: number;
    /** Contexts kept at once; the least recently used one beyond it is disposed. */
    readonly maxContexts: number;
  },
): ContextPool {
  const adapterPaths = new Map<string, string>();
  /** In order of last use, oldest first. */
  const contexts = new Map<string, PooledContext>();

  async function createPooledContext(adapterSha256: string | null): Promise<PooledContext> {
    const adapterPath = adapterSha256 === null ? undefined : adapterPaths.get(adapterSha256);
    if (adapterSha256 !== null && adapterPath === undefined)
      throw modelUnknown(adapterSha256, ['base', ...adapterPaths.keys()]);
    const context = await base.model
      .createContext({
        contextSize: base.contextTokens,
        batchSize: options.batchSize,
        threads: { ideal: options.threads, min: options.threads },
        sequences: 1,
        ...(adapterPath === undefined ? {} : { lora: { adapters: [{ filePath: adapterPath, scale: 1 }] } }),
      })
      .catch((cause: unknown) => {
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
      });
    return { adapterSha256, context, cache: { sequence: context.getSequence(), blockTokens: 0 } };
  }

  async function dropContext(key: string): Promise<void> {
    const pooled = contexts.get(key);
    contexts.delete(key);
    await pooled?.context.dispose();
  }

  return {
    get adapters() {
      return [...adapterPaths.keys()];
    },
    isRegistered: (sha256) => adapterPaths.has(sha256),
    async registerAdapter(sha256, filePath) {
      if (adapterPaths.has(sha256)) return;
      adapterPaths.set(sha256, filePath);
      try {
        await this.use(sha256);
      } catch (error) {
        adapterPaths.delete(sha256);
        throw error;
      }
    },
    async unregisterAdapter(sha256) {
      adapterPaths.delete(sha256);
      await dropContext(sha256);
    },
    async use(adapterSha256) {
      const key = adapterSha256 ?? 'base';
      const existing = contexts.get(key);
      if (existing !== undefined) {
        contexts.delete(key);
        contexts.set(key, existing);
        return existing;
      }
      while (contexts.size >= options.maxContexts) {
        const oldest = contexts.keys().next().value;
        if (oldest === undefined) break;
        await dropContext(oldest);
      }
      const created = await createPooledContext(adapterSha256);
      contexts.set(key, created);
      return created;
    },
  };
}
