/**
 * The inference server as a process: owns the base model, its adapters, the embedding model and the GPU.
 *
 *   node scripts/runtime.ts                              on the data directory's Unix socket
 *   node scripts/runtime.ts --host 0.0.0.0 --port 8090   on TCP; RUNTIME_TOKEN is then required
 */
import { mkdir } from 'node:fs/promises';
import os from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { describeDataDir } from '#lib/config/data-dir.ts';
import { loadEnv } from '#lib/config/env.ts';
import { exitWithParent } from '#lib/config/exit-with-parent.ts';
import { chooseModels, findRoleModel, type ModelRole } from '#lib/models/model-choice.ts';
import { type ResolvedModel, resolveModel } from '#lib/models/model-store.ts';
import { createLogger } from '#lib/observability/logger.ts';
import type { BaseModelSource } from '#lib/runtime/server/base-model.ts';
import type { EmbeddingModelSource } from '#lib/runtime/server/embedding-model.ts';
import { createRuntimeApp } from '#lib/runtime/server/http.ts';
import { listenRuntime, type RuntimeAddress } from '#lib/runtime/server/listen.ts';
import { startModelEngine } from '#lib/runtime/server/model-engine.ts';

/** The supervisor's patience with a stop is longer than this; a running native computation cannot be interrupted. */
const STOP_WITHIN_MS = 1500;

const flags = new Command('runtime')
  .description('Serve the base model, adapters and embeddings over the OpenAI-compatible API.')
  .option('--host <address>', 'listen on TCP instead of the Unix socket', '127.0.0.1')
  .option('--port <number>', 'TCP port; 0 lets the system choose', parsePort)
  .parse()
  .opts<{ host: string; port?: number }>();

const env = loadEnv();
const logger = createLogger('runtime', env.logLevel);
const layout = describeDataDir(env.dataDir);

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new InvalidArgumentError('expected 0 to 65535');
  return port;
}

type Resolved<T> = { readonly source: T } | { readonly problem: string };

async function resolveBase(name: string): Promise<Resolved<BaseModelSource>> {
  if (name === 'none') return { problem: 'BASE_MODEL is none; answers are passages from the documents' };
  return resolve(name, 'base', (model) => {
    const weights = readWeights(model);
    return {
      id: model.id,
      path: weights.path,
      sha256: model.sha256,
      templateHint: model.entry?.kind === 'base' ? model.entry.chatTemplate : undefined,
    };
  });
}

function resolveEmbedding(name: string): Promise<Resolved<EmbeddingModelSource>> {
  return resolve(name, 'embedding', (model) => {
    const weights = readWeights(model);
    const spec = model.entry?.kind === 'embedding' ? model.entry.embedding : undefined;
    const shared = { id: model.id, sha256: model.sha256, modelPath: weights.path, passagePrefix: '' };
    if (weights.path.endsWith('.gguf')) return { ...shared, kind: 'gguf', queryPrefix: spec?.queryPrefix ?? '' };
    const tokenizer = model.files.find((file) => file.name === 'tokenizer.json');
    if (tokenizer === undefined || spec === undefined || model.entry === null) {
      throw new Error(`${name}: an ONNX embedding model needs a catalog entry with a tokenizer.json`);
    }
    return {
      ...shared,
      kind: 'onnx',
      tokenizerPath: tokenizer.path,
      pooling: spec.pooling,
      maxTokens: model.entry.contextTokens,
      queryPrefix: spec.queryPrefix,
    };
  });
}

function readWeights(model: ResolvedModel) {
  const weights = model.files[0];
  if (weights === undefined) throw new Error(`${model.id} has no files`);
  return weights;
}

async function resolve<T>(name: string, role: ModelRole, toSource: (model: ResolvedModel) => T): Promise<Resolved<T>> {
  try {
    return { source: toSource(await findRoleModel(role, name, (wanted) => resolveModel(wanted, env.modelsDir))) };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

function chooseAddress(): RuntimeAddress {
  if (flags.port === undefined) return { socketPath: layout.runtimeSocket };
  if (env.runtimeToken === undefined)
    throw new Error('--port needs RUNTIME_TOKEN: any local process could use the models');
  return { host: flags.host, port: flags.port };
}

exitWithParent();
const chosen = await chooseModels(env);
const [base, embedding] = await Promise.all([resolveBase(chosen.baseModel), resolveEmbedding(chosen.embeddingModel)]);
const engine = startModelEngine({
  baseModel: 'source' in base ? base.source : null,
  ...('problem' in base ? { baseModelProblem: base.problem } : {}),
  embeddingModel: 'source' in embedding ? embedding.source : null,
  ...('problem' in embedding ? { embeddingModelProblem: embedding.problem } : {}),
  gpu: env.gpu,
  threads: env.threads ?? Math.max(1, os.availableParallelism() - 1),
  ...(env.adapterMemoryBytes === null ? {} : { adapterBudgetBytes: env.adapterMemoryBytes }),
  onLog: (level, message) => logger[level](message),
});
const address = chooseAddress();
await mkdir(layout.adaptersDir, { recursive: true, mode: 0o700 });
const app = createRuntimeApp({
  engine,
  token: 'socketPath' in address ? null : (env.runtimeToken ?? null),
  adaptersDir: layout.adaptersDir,
  onError: (error) => logger.error({ err: error }, 'request failed'),
});
// Listening before the models are loaded: the state `loading` is an answer, a refused connection is a riddle.
const listener = await listenRuntime(app, address);

let isStopping = false;
async function stop(): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  setTimeout(() => process.exit(0), STOP_WITHIN_MS).unref();
  await listener.close();
  await engine.close();
  process.exit(0);
}
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop());

await engine.loaded;
const status = engine.readStatus();
logger.info(
  {
    address: listener.address,
    state: status.state,
    baseModel: status.baseModel?.id ?? null,
    embeddingModel: status.embeddingModel?.id ?? null,
    gpu: status.gpu,
    threads: status.threads,
    problems: status.problems,
  },
  'ready',
);
