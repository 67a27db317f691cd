/** An embedding model of either kind: ONNX on its own thread, or a GGUF through llama.cpp. */
import { Worker } from 'node:worker_threads';
import type { Token } from 'node-llama-cpp';
import { type LlamaBackend, loadGguf } from './base-model.ts';
import type { EmbeddingWorkerData, EmbeddingWorkerReply, EmbeddingWorkerRequest } from './embedding-protocol.ts';
import { computeFileSha256 } from './file-hash.ts';

export type EmbeddingModelSource = {
  readonly id: string;
  /** Known checksum of the model file; null: computed while loading. */
  readonly sha256: string | null;
  /** Put in front of each text, by purpose; empty where the model wants none. */
  readonly queryPrefix: string;
  readonly passagePrefix: string;
} & (
  | {
      readonly kind: 'onnx';
      readonly modelPath: string;
      /** Hugging Face `tokenizer.json`. */
      readonly tokenizerPath: string;
      readonly pooling: 'mean' | 'cls';
      /** Special tokens included. */
      readonly maxTokens: number;
    }
  | { readonly kind: 'gguf'; readonly modelPath: string }
);

export interface EmbeddingModel {
  readonly id: string;
  readonly sha256: string;
  readonly dimensions: number;
  readonly maxTokens: number;
  readonly prefixes: { readonly query: string; readonly passage: string };
  /** In order; each text on its own. Rejects when the model fails; the model stays usable. */
  embed(texts: readonly string[]): Promise<{ readonly vectors: Float32Array[]; readonly promptTokens: number }>;
  tokenize(texts: readonly string[], addSpecialTokens: boolean): Promise<number[][]>;
  close(): Promise<void>;
}

export async function loadOnnxEmbeddingModel(
  source: Extract<EmbeddingModelSource, { kind: 'onnx' }>,
  options: { readonly threads: number; readonly onCrash: (error: Error) => void },
): Promise<EmbeddingModel> {
  const workerData: EmbeddingWorkerData = {
    modelPath: source.modelPath,
    tokenizerPath: source.tokenizerPath,
    pooling: source.pooling,
    maxTokens: source.maxTokens,
    threads: options.threads,
  };
  const worker = new Worker(new URL('./embedding-worker.ts', import.meta.url), { workerData });
  const waiting = new Map<number, { resolve: (reply: EmbeddingWorkerReply) => void; reject: (error: Error) => void }>();
  let nextId = 0;
  let isClosing = false;
  let crash: Error | undefined;

  const [dimensions, sha256] = await Promise.all([
    new Promise<number>((resolve, reject) => {
      const fail = (error: Error) => {
        crash ??= error;
        reject(error);
        for (const waiter of waiting.values()) waiter.reject(error);
        waiting.clear();
      };
      worker.on('message', (reply: EmbeddingWorkerReply) => {
        if (reply.type === 'ready') {
          resolve(reply.dimensions);
          return;
        }
        const waiter = waiting.get(reply.id);
        waiting.delete(reply.id);
        if (reply.type === 'failed') waiter?.reject(new Error(reply.message));
        else waiter?.resolve(reply);
      });
      worker.on('error', (error) => fail(error instanceof Error ? error : new Error(String(error))));
      worker.on('exit', (code) => {
        if (isClosing) return;
        fail(new Error(`the embedding thread ended with code ${code}`));
        if (crash !== undefined) options.onCrash(crash);
      });
    }),
    source.sha256 ?? computeFileSha256(source.modelPath),
  ]);

  type Call = EmbeddingWorkerRequest extends infer R ? (R extends unknown ? Omit<R, 'id'> : never) : never;
  function call(request: Call): Promise<EmbeddingWorkerReply> {
    if (crash !== undefined) return Promise.reject(crash);
    const id = nextId;
    nextId += 1;
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      worker.postMessage({ ...request, id }, []);
    });
  }

  return {
    id: source.id,
    sha256,
    dimensions,
    maxTokens: source.maxTokens,
    prefixes: { query: source.queryPrefix, passage: source.passagePrefix },
    async embed(texts) {
      const reply = await call({ type: 'embed', texts });
      if (reply.type !== 'embedded') throw new Error(`unexpected reply ${reply.type}`);
      return { vectors: reply.vectors, promptTokens: reply.promptTokens };
    },
    async tokenize(texts, addSpecialTokens) {
      const reply = await call({ type: 'tokenize', texts, addSpecialTokens });
      if (reply.type !== 'tokenized') throw new Error(`unexpected reply ${reply.type}`);
      return reply.tokens;
    },
    async close() {
      isClosing = true;
      await worker.terminate();
    },
  };
}

/** Longer windows cost memory for every text and gain nothing: chunks have some hundred tokens. */
const MAX_GGUF_TOKENS = 2048;
/** A beginning and an end, which the context adds itself. */
const SPECIAL_TOKENS = 2;

export async function loadGgufEmbeddingModel(
  source: Extract<EmbeddingModelSource, { kind: 'gguf' }>,
  options: { readonly backend: LlamaBackend; readonly threads: number },
): Promise<EmbeddingModel> {
  const [model, sha256] = await Promise.all([
    loadGguf(options.backend, source.modelPath),
    source.sha256 ?? computeFileSha256(source.modelPath),
  ]);
  const contextTokens = Math.min(model.trainContextSize, MAX_GGUF_TOKENS);
  // The whole text must fit one batch: pooling happens inside it. One cell of the context stays free.
  const context = await model.createEmbeddingContext({
    contextSize: contextTokens,
    batchSize: contextTokens,
    threads: options.threads,
  });
  const maxTokens = contextTokens - 1;
  const dimensions = model.embeddingVectorSize;
  const embedOne = async (tokens: readonly Token[]): Promise<Float32Array> => {
    // The library answers an empty text with an empty vector.
    if (tokens.length === 0) return new Float32Array(dimensions);
    const { vector } = await context.getEmbeddingFor([...tokens]);
    const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
    return Float32Array.from(vector, (value) => (norm === 0 ? 0 : value / norm));
  };
  return {
    id: source.id,
    sha256,
    dimensions,
    maxTokens,
    prefixes: { query: source.queryPrefix, passage: source.passagePrefix },
    async embed(texts) {
      const vectors: Float32Array[] = [];
      let promptTokens = 0;
      for (const text of texts) {
        const tokens = model.tokenize(text).slice(0, maxTokens - SPECIAL_TOKENS);
        promptTokens += tokens.length;
        vectors.push(await embedOne(tokens));
      }
      return { vectors, promptTokens };
    },
    async tokenize(texts, addSpecialTokens) {
      const bos = addSpecialTokens && model.tokens.shouldPrependBosToken ? model.tokens.bos : null;
      return texts.map((text) => [...(bos === null ? [] : [bos]), ...model.tokenize(text)]);
    },
    async close() {
      await context.dispose();
      await model.dispose();
    },
  };
}
