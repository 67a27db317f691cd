/**
 * Thread that tokenises and embeds, so that neither blocks the event loop that streams answers.
 *
 * Each text runs through the model alone. The default model is dynamically quantised: it scales its activations by the
 * largest value in the whole batch, so in a batch a text's vector would depend on its neighbours (and on the padding),
 * and the same text would embed differently when ingested and when asked for. On CPU a batch is no faster per token.
 */
import { readFile } from 'node:fs/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { Tokenizer } from '@huggingface/tokenizers';
import * as ort from 'onnxruntime-node';
import type { EmbeddingWorkerData, EmbeddingWorkerReply, EmbeddingWorkerRequest } from './embedding-protocol.ts';

const port = parentPort;
if (port === null) throw new Error('embedding-worker.ts runs as a worker thread only');
const data: EmbeddingWorkerData = workerData;

const session = await ort.InferenceSession.create(data.modelPath, {
  intraOpNumThreads: data.threads,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
});
const tokenizer = new Tokenizer(JSON.parse(await readFile(data.tokenizerPath, 'utf8')), {});
const wantsTokenTypes = session.inputNames.includes('token_type_ids');
const outputName = session.outputNames.includes('last_hidden_state') ? 'last_hidden_state' : session.outputNames[0];
if (outputName === undefined) throw new Error(`${data.modelPath} has no output`);

function encode(text: string): number[] {
  const ids = tokenizer.encode(text, { add_special_tokens: true }).ids;
  if (ids.length <= data.maxTokens) return ids;
  const last = ids[ids.length - 1];
  // The closing special token stays: the model was trained to see it.
  return last === undefined ? ids : [...ids.slice(0, data.maxTokens - 1), last];
}

async function embed(ids: readonly number[]): Promise<Float32Array> {
  const shape = [1, ids.length];
  const feeds: Record<string, ort.Tensor> = {
    input_ids: new ort.Tensor('int64', BigInt64Array.from(ids, BigInt), shape),
    attention_mask: new ort.Tensor('int64', new BigInt64Array(ids.length).fill(1n), shape),
  };
  if (wantsTokenTypes) feeds['token_type_ids'] = new ort.Tensor('int64', new BigInt64Array(ids.length), shape);
  const outputs = await session.run(feeds, [outputName ?? '']);
  const hidden = outputs[outputName ?? ''];
  const dimensions = hidden?.dims[2];
  if (hidden === undefined || dimensions === undefined || !(hidden.data instanceof Float32Array)) {
    throw new Error(
      `${data.modelPath}: expected float output [batch, tokens, dimensions], got ${hidden?.type} [${hidden?.dims.join(', ')}]`,
    );
  }
  return normalise(pool(hidden.data, ids.length, dimensions));
}

/** @param hidden `[tokens, dimensions]`; nothing is padded, so the mean runs over all tokens */
function pool(hidden: Float32Array, tokenCount: number, dimensions: number): Float32Array {
  if (data.pooling === 'cls') return hidden.slice(0, dimensions);
  const mean = new Float32Array(dimensions);
  for (let token = 0; token < tokenCount; token += 1) {
    for (let d = 0; d < dimensions; d += 1) mean[d] = (mean[d] ?? 0) + (hidden[token * dimensions + d] ?? 0);
  }
  return mean.map((value) => value / tokenCount);
}

function normalise(vector: Float32Array): Float32Array {
  const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return norm === 0 ? vector : vector.map((value) => value / norm);
}

async function answer(request: EmbeddingWorkerRequest): Promise<EmbeddingWorkerReply> {
  if (request.type === 'tokenize') {
    const options = { add_special_tokens: request.addSpecialTokens };
    const tokens = request.texts.map((text) => tokenizer.encode(text, options).ids);
    return { type: 'tokenized', id: request.id, tokens };
  }
  const vectors: Float32Array[] = [];
  let promptTokens = 0;
  for (const text of request.texts) {
    const ids = encode(text);
    promptTokens += ids.length;
    vectors.push(await embed(ids));
  }
  return { type: 'embedded', id: request.id, vectors, promptTokens };
}

port.on('message', (request: EmbeddingWorkerRequest) => {
  answer(request).then(
    (reply) => port.postMessage(reply),
    (error: unknown) => {
      port.postMessage({
        type: 'failed',
        id: request.id,
        message: error instanceof Error ? error.message : String(error),
      } satisfies EmbeddingWorkerReply);
    },
  );
});

const probe = await embed(encode('ready'));
port.postMessage({ type: 'ready', dimensions: probe.length } satisfies EmbeddingWorkerReply);
