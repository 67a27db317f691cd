import path from 'node:path';
import { z } from 'zod';

/**
 * The only reader of `process.env`. Every setting that a user may change is in this schema and in `.env.example`.
 * Composition roots (`scripts/*`, `app/_server/deps.ts`) call `loadEnv()` once and hand the parts on.
 */
const emptyIsUnset = (value: unknown) => (value === '' ? undefined : value);
const optional = <T extends z.ZodType>(schema: T) => z.preprocess(emptyIsUnset, schema.optional());

const envSchema = z.object({
  /** Port of the web server. 0 lets the system choose. */
  PORT: z.preprocess(emptyIsUnset, z.coerce.number().int().min(0).max(65_535).default(3000)),
  /** Address the web server binds to. Loopback unless the operator decides otherwise. */
  HOST: z.preprocess(emptyIsUnset, z.string().default('127.0.0.1')),
  /** Address under which people reach the product; used in links. Default: http://HOST:PORT. */
  LOREHOUSE_PUBLIC_URL: optional(z.url({ protocol: /^https?$/ })),
  /** Everything the product stores: database, blobs, models, keys, sockets. */
  LOREHOUSE_DATA_DIR: z.preprocess(emptyIsUnset, z.string().default('.data')),
  /** Downloaded models; shared by several data directories if set. Default: <data dir>/models. */
  LOREHOUSE_MODELS_DIR: optional(z.string()),
  /** PostgreSQL with pgvector. Unset: the embedded database. */
  DATABASE_URL: optional(
    z.string().regex(/^postgres(ql)?:\/\//, 'expected postgres://user:password@host:port/database'),
  ),
  /** OpenAI-compatible inference server. Unset: our own runtime on a Unix socket in the data directory. */
  RUNTIME_URL: optional(z.url({ protocol: /^https?$/ })),
  /** Bearer token for RUNTIME_URL. */
  RUNTIME_TOKEN: optional(z.string()),
  /** Catalog id, or path of a GGUF file; `none` answers by extraction only. */
  BASE_MODEL: z.preprocess(emptyIsUnset, z.string().default('tinyllama-1.1b-chat-iq2')),
  /** Catalog id, or path of a GGUF file. */
  EMBEDDING_MODEL: z.preprocess(emptyIsUnset, z.string().default('all-minilm-l6-v2-int8')),
  /** Hugging Face, or a mirror of it, for catalog models that come from there. */
  HF_ENDPOINT: z.preprocess(emptyIsUnset, z.url({ protocol: /^https?$/ }).default('https://huggingface.co')),
  /** Token for gated models on Hugging Face. */
  HF_TOKEN: optional(z.string()),
  /** Server with a rerank endpoint (POST /v1/rerank, as vLLM, llama.cpp, Jina and Cohere have it). Unset: nothing is reranked. */
  RERANK_URL: optional(z.url({ protocol: /^https?$/ })),
  /** Name of the model there. */
  RERANK_MODEL: z.preprocess(emptyIsUnset, z.string().default('reranker')),
  /** Bearer token for RERANK_URL. */
  RERANK_TOKEN: optional(z.string()),
  LOREHOUSE_GPU: z.preprocess(emptyIsUnset, z.enum(['auto', 'off', 'cuda', 'vulkan', 'metal']).default('auto')),
  /** Threads for inference. Unset: all cores but one, at least one. */
  LOREHOUSE_THREADS: optional(z.coerce.number().int().min(1).max(512)),
  /** Memory in MB for adapters and contexts that the runtime keeps ready. Unset: a quarter of the machine's, at most 4096. */
  LOREHOUSE_ADAPTER_MEMORY_MB: optional(z.coerce.number().int().min(1).max(10_000_000)),
  /** Whether the text of scanned pages is recognised (English). */
  LOREHOUSE_OCR: z.preprocess(emptyIsUnset, z.enum(['on', 'off']).default('on')),
  LOG_LEVEL: z.preprocess(emptyIsUnset, z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info')),
  NODE_ENV: z.preprocess(emptyIsUnset, z.enum(['development', 'production', 'test']).default('production')),
});

export interface Env {
  readonly port: number;
  readonly host: string;
  readonly publicUrl: string;
  /** Absolute. */
  readonly dataDir: string;
  /** Absolute. */
  readonly modelsDir: string;
  readonly databaseUrl: string | undefined;
  readonly runtimeUrl: string | undefined;
  readonly runtimeToken: string | undefined;
  /** Undefined: nothing is reranked. */
  readonly rerank: { readonly url: string; readonly model: string; readonly token: string | undefined } | undefined;
  readonly baseModel: string;
  readonly embeddingModel: string;
  /** Whether the environment names the model; only then does it win over the choice stored in the data directory. */
  readonly isBaseModelSet: boolean;
  readonly isEmbeddingModelSet: boolean;
  readonly hub: { readonly endpoint: string; readonly token: string | undefined };
  readonly gpu: 'auto' | 'off' | 'cuda' | 'vulkan' | 'metal';
  readonly threads: number | undefined;
  /** Null: what fits the machine. */
  readonly adapterMemoryBytes: number | null;
  readonly isTextRecognised: boolean;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly mode: 'development' | 'production' | 'test';
}

/**
 * Parse the environment.
 * @throws Error that lists every bad setting with what was expected, so that a start fails once and not setting by setting
 */
export function loadEnv(source: Readonly<Record<string, string | undefined>> = process.env): Env {
  const parsed = envSchema.safeParse(source);
  if (!parsed.success) {
    const lines = parsed.error.issues.map(
      (issue) => `  ${issue.path.join('.')}: ${issue.message} (got ${JSON.stringify(source[String(issue.path[0])])})`,
    );
    throw new Error(`Invalid settings in the environment:\n${lines.join('\n')}`);
  }
  const e = parsed.data;
  const dataDir = path.resolve(e.LOREHOUSE_DATA_DIR);
  return {
    port: e.PORT,
    host: e.HOST,
    publicUrl:
      e.LOREHOUSE_PUBLIC_URL?.replace(/\/+$/, '') ??
      `http://${e.HOST === '127.0.0.1' ? 'localhost' : e.HOST}:${e.PORT}`,
    dataDir,
    modelsDir: e.LOREHOUSE_MODELS_DIR ? path.resolve(e.LOREHOUSE_MODELS_DIR) : path.join(dataDir, 'models'),
    databaseUrl: e.DATABASE_URL,
    runtimeUrl: e.RUNTIME_URL,
    runtimeToken: e.RUNTIME_TOKEN,
    rerank:
      e.RERANK_URL === undefined ? undefined : { url: e.RERANK_URL, model: e.RERANK_MODEL, token: e.RERANK_TOKEN },
    baseModel: e.BASE_MODEL,
    embeddingModel: e.EMBEDDING_MODEL,
    isBaseModelSet: Boolean(source['BASE_MODEL']),
    isEmbeddingModelSet: Boolean(source['EMBEDDING_MODEL']),
    hub: { endpoint: e.HF_ENDPOINT, token: e.HF_TOKEN },
    gpu: e.LOREHOUSE_GPU,
    threads: e.LOREHOUSE_THREADS,
    adapterMemoryBytes: e.LOREHOUSE_ADAPTER_MEMORY_MB === undefined ? null : e.LOREHOUSE_ADAPTER_MEMORY_MB * 1024 ** 2,
    isTextRecognised: e.LOREHOUSE_OCR === 'on',
    logLevel: e.LOG_LEVEL,
    mode: e.NODE_ENV,
  };
}

/** PostgreSQL with pgvector that the database tests use beside the embedded database; not a setting of the product. */
export function readTestDatabaseUrl(): string | undefined {
  return process.env['TEST_DATABASE_URL'] || undefined;
}

/** A chat file of one's own that the tokenizer tests go through as well, such as a large data set; not a setting of the product. */
export function readTestDatasetFile(): string | undefined {
  return process.env['TEST_DATASET_FILE'] || undefined;
}

/** How many times the test of killed processes kills; not a setting of the product. Unset: once at each stage. */
export function readTestKills(): number | undefined {
  const given = process.env['TEST_KILLS'];
  return given ? z.coerce.number().int().min(1).parse(given) : undefined;
}
