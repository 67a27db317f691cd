import { stat } from 'node:fs/promises';
import path from 'node:path';
import { sha256Schema } from '#lib/domain/adapter.ts';
import type { HttpRuntimeClient } from '#lib/runtime/client.ts';
import type { CallOptions, RuntimeClient } from '#lib/runtime/runtime-port.ts';
import { type ArtifactStore, artifactMissing } from './artifact-store.ts';
import { exportPeft } from './export-peft.ts';
import type { FindBase } from './find-base.ts';

/** A runtime client for which every artifact of the store is a model. */
export interface AdapterRuntime extends RuntimeClient {
  /**
   * Have an adapter in the runtime's memory before somebody waits for it.
   * @throws AppError `adapter.artifact-missing`, `adapter.checksum-mismatch`, `adapter.unloadable`, `runtime.*`
   */
  loadAdapter(sha256: string, options?: CallOptions): Promise<void>;
}

export interface ServeAdaptersDeps {
  readonly artifacts: ArtifactStore;
  readonly findBase: FindBase;
}

/**
 * Loads the adapter that a request names before the request: the runtime may have been restarted, or never have seen it. A
 * request that names an adapter is answered by it or fails; it never falls back to the base.
 */
export function serveAdapters(runtime: HttpRuntimeClient, deps: ServeAdaptersDeps): AdapterRuntime {
  async function locate(sha256: string, call: CallOptions): Promise<string> {
    if ((await deps.artifacts.measure(sha256)) === null) throw artifactMissing(sha256);
    if ((await runtime.readAdapterFormat(call)) === 'gguf') return deps.artifacts.locate(sha256);
    const directory = deps.artifacts.locatePeft(sha256);
    const isWhole = await stat(path.join(directory, 'adapter_config.json')).then(
      () => true,
      () => false,
    );
    if (!isWhole) await exportPeft(await deps.artifacts.verify(sha256), await deps.findBase(), directory);
    return directory;
  }

  async function loadAdapter(sha256: string, call: CallOptions = {}): Promise<void> {
    await runtime.loadAdapter({ sha256, filePath: await locate(sha256, call) }, call);
  }

  async function prepare(model: string, call: CallOptions): Promise<void> {
    if (sha256Schema.safeParse(model).success) await loadAdapter(model, call);
  }

  return {
    ...runtime,
    loadAdapter,
    async *streamChat(request, call = {}) {
      await prepare(request.model, call);
      yield* runtime.streamChat(request, call);
    },
    async scoreContinuation(request, call = {}) {
      await prepare(request.model, call);
      return runtime.scoreContinuation(request, call);
    },
  };
}
