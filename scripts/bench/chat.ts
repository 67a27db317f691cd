/**
 * Time to first token and decode rate of an answer, through the whole product but its web pages, next to the same prompts run
 * directly on node-llama-cpp in the same run.
 *
 * The product is the embedded database, the inference server and the worker as processes of their own, with the demo
 * documents; a turn is stored, searched for, answered and checked as one of the chat page. Time to first token is
 * storing + retrieval + queue + prefill + the rest (packing the prompt, sockets). The direct peer gets the prompt that the
 * product made, word for word, and writes as many tokens. The two never compute at the same time.
 *
 *   npm run bench:chat -- [--questions 9] [--threads 1] [--json]
 */
import os from 'node:os';
import { Command } from 'commander';
import { createAnswerDeps } from '#lib/chat/create-chat-deps.ts';
import { type ChatTurnDeps, prepareChatTurn, streamChatTurn } from '#lib/chat/run-chat-turn.ts';
import { createRunningGenerations } from '#lib/chat/running-generations.ts';
import { loadEnv } from '#lib/config/env.ts';
import type { Provenance } from '#lib/domain/chat.ts';
import { resolveModel } from '#lib/models/model-store.ts';
import type { ChatMessage, ChatRequest } from '#lib/runtime/runtime-port.ts';
import { loadBaseModel, startLlama } from '#lib/runtime/server/base-model.ts';
import { type StartedProduct, startProduct } from './start-product.ts';

const flags = new Command('bench:chat')
  .option('--questions <number>', 'of the demo, asked of each peer', Number, 9)
  .option('--threads <number>', 'compute threads of each peer', Number, Math.max(1, os.availableParallelism() - 1))
  .option('--json', 'print one JSON object as the last line', false)
  .parse()
  .opts<{ questions: number; threads: number; json: boolean }>();

const TARGET_OVERHEAD_MS = 150;
const TARGET_DECODE_RATIO = 0.95;
const CONTEXT_TOKENS = 4096;
/** Below this many an answer says little about a rate. */
const MIN_DECODED_TOKENS = 6;
/** A person who reads the first words of a question again and stops. */
const STOP_AFTER_MS = 400;

/** What the model had to do with one prompt; the same for both peers. */
interface ModelTimes {
  readonly prefillMs: number;
  /** Not from a cache. */
  readonly prefilledTokens: number;
  readonly decodeMs: number;
  /** After the first. */
  readonly decodedTokens: number;
  readonly text: string;
}

interface ProductSample extends ModelTimes {
  readonly firstTokenMs: number;
  /** The rows of the turn, before anything is searched. */
  readonly storeMs: number;
  readonly retrievalMs: number;
  readonly queueMs: number;
  /** What is left of the first token's time. */
  readonly restMs: number;
  readonly messages: readonly ChatMessage[];
}

interface DirectPeer {
  measure(messages: readonly ChatMessage[], tokenCount: number): Promise<ModelTimes>;
  close(): Promise<void>;
}

const env = loadEnv();

/** The product's chat, watched at the seam to the inference server. */
function createTurns(product: StartedProduct) {
  /** What the turn at hand asked the model; empty while it has not. */
  const asked: { readonly request: ChatRequest; text: string; firstAt: number; endedAt: number }[] = [];
  const answer = createAnswerDeps(product);
  const deps: ChatTurnDeps = {
    db: product.db,
    generations: createRunningGenerations(),
    log: { error: (fields, message) => console.error(message, fields) },
    chooseModel: async () => 'base',
    answer: {
      ...answer,
      runtime: {
        ...answer.runtime,
        async *streamChat(request, options) {
          const watched = { request, text: '', firstAt: 0, endedAt: 0 };
          asked.push(watched);
          for await (const chunk of product.runtime.streamChat(request, options)) {
            watched.endedAt = performance.now();
            if (chunk.type === 'text-delta') {
              watched.firstAt ||= watched.endedAt;
              watched.text += chunk.text;
            }
            yield chunk;
          }
        },
      },
    },
  };

  /** @returns null when no model was asked: the documents do not answer the question, or no token came out */
  async function measure(question: string): Promise<ProductSample | null> {
    asked.length = 0;
    const startedAt = performance.now();
    const turn = await prepareChatTurn(deps, product.access, { kind: 'ask', conversationId: null, question });
    const storeMs = performance.now() - startedAt;
    let provenance: Provenance | null = null;
    let firstTextAt = 0;
    for await (const event of streamChatTurn(deps, turn)) {
      if (event.type === 'text-delta') firstTextAt ||= performance.now();
      if (event.type === 'turn-error') throw new Error(`${question}: ${event.error.code}`);
      if (event.type === 'turn-finish') provenance = event.provenance;
    }
    const timings = provenance?.timingsMs;
    const usage = provenance?.usage;
    const [model] = asked;
    if (model === undefined || model.firstAt === 0 || !timings || !usage) return null;
    if (timings.prefill === null || timings.queue === null) return null;
    const firstTokenMs = firstTextAt - startedAt;
    return {
      firstTokenMs,
      storeMs,
      retrievalMs: timings.retrieval,
      queueMs: timings.queue,
      prefillMs: timings.prefill,
      restMs: firstTokenMs - storeMs - timings.retrieval - timings.queue - timings.prefill,
      prefilledTokens: usage.promptTokens - usage.cachedPromptTokens,
      decodeMs: model.endedAt - model.firstAt,
      decodedTokens: usage.completionTokens - 1,
      text: model.text,
      messages: model.request.messages,
    };
  }

  /** Stop while the prompt is being read. @returns when the reader saw the end, and when the model could take the next question */
  async function measureStop(question: string): Promise<{ readonly seenMs: number; readonly freeMs: number }> {
    const stop = new AbortController();
    const turn = await prepareChatTurn(deps, product.access, { kind: 'ask', conversationId: null, question });
    let stoppedAt = 0;
    let timer: NodeJS.Timeout | undefined;
    for await (const event of streamChatTurn(deps, turn, stop.signal)) {
      if (event.type !== 'stage-update' || event.stage !== 'reading') continue;
      timer = setTimeout(() => {
        stoppedAt = performance.now();
        stop.abort();
      }, STOP_AFTER_MS);
    }
    clearTimeout(timer);
    const seenMs = performance.now() - stoppedAt;
    while ((await product.runtime.readStatus()).queue.active > 0);
    return { seenMs, freeMs: performance.now() - stoppedAt };
  }

  return { measure, measureStop };
}

/** node-llama-cpp with its own defaults (one call for the whole prompt), in this process. */
async function startDirectPeer(): Promise<DirectPeer> {
  const model = await resolveModel(env.baseModel, env.modelsDir);
  const backend = await startLlama({ gpu: env.gpu, threads: flags.threads, onLog: () => undefined });
  const source = { id: model.id, path: model.files[0]?.path ?? '', sha256: model.sha256 };
  const base = await loadBaseModel(backend, source, { contextTokens: CONTEXT_TOKENS });
  const context = await base.model.createContext({
    contextSize: base.contextTokens,
    threads: { ideal: flags.threads, min: flags.threads },
  });
  const sequence = context.getSequence();
  return {
    async measure(messages, tokenCount) {
      await sequence.clearHistory();
      const startedAt = performance.now();
      const tokens = base.tokenizeMessages(messages, true);
      const generated = [];
      let firstAt = 0;
      for await (const token of sequence.evaluate(tokens, { temperature: 0 })) {
        firstAt ||= performance.now();
        generated.push(token);
        if (generated.length >= tokenCount) break;
      }
      return {
        prefillMs: firstAt - startedAt,
        prefilledTokens: tokens.length,
        decodeMs: performance.now() - firstAt,
        decodedTokens: generated.length - 1,
        text: base.model.detokenize(generated),
      };
    },
    async close() {
      await base.model.dispose();
      await backend.llama.dispose();
    },
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? (upper + (sorted[middle - 1] ?? upper)) / 2 : upper;
}

const medianOf = <T>(samples: readonly T[], read: (sample: T) => number) => median(samples.map(read));

const decodeRate = (times: ModelTimes) => (times.decodedTokens * 1000) / times.decodeMs;
const prefillRate = (times: ModelTimes) => (times.prefilledTokens * 1000) / times.prefillMs;
const outsidePrefill = (sample: ProductSample) => sample.firstTokenMs - sample.prefillMs;

console.error('starting the product and indexing the demo documents');
const product = await startProduct({
  LOREHOUSE_MODELS_DIR: env.modelsDir,
  LOREHOUSE_THREADS: String(flags.threads),
});
const direct = await startDirectPeer();
const pairs: { readonly product: ProductSample; readonly direct: ModelTimes }[] = [];
let stopTimes: { readonly seenMs: number; readonly freeMs: number };
let unmeasured = 0;
try {
  const turns = createTurns(product);
  const [warmUp = '', ...questions] = product.questions;
  // Once each, unmeasured: first touches of weights, buffers and connections.
  const first = await turns.measure(warmUp);
  if (first !== null) await direct.measure(first.messages, first.decodedTokens + 1);
  for (const question of questions) {
    if (pairs.length >= flags.questions) break;
    const sample = await turns.measure(question);
    if (sample === null || sample.decodedTokens < MIN_DECODED_TOKENS) {
      unmeasured += 1;
      continue;
    }
    pairs.push({ product: sample, direct: await direct.measure(sample.messages, sample.decodedTokens + 1) });
  }
  stopTimes = await turns.measureStop(warmUp);
} finally {
  await direct.close();
  await product.close();
}

const samples = pairs.map((pair) => pair.product);
const report = {
  questions: pairs.length,
  /** Answers too short to measure. */
  unmeasured,
  threads: flags.threads,
  prefilledTokens: medianOf(samples, (sample) => sample.prefilledTokens),
  product: {
    firstTokenMs: medianOf(samples, (sample) => sample.firstTokenMs),
    storeMs: medianOf(samples, (sample) => sample.storeMs),
    retrievalMs: medianOf(samples, (sample) => sample.retrievalMs),
    queueMs: medianOf(samples, (sample) => sample.queueMs),
    prefillMs: medianOf(samples, (sample) => sample.prefillMs),
    restMs: medianOf(samples, (sample) => sample.restMs),
    outsidePrefillMs: medianOf(samples, outsidePrefill),
    prefillTokensPerSecond: medianOf(samples, prefillRate),
    decodeTokensPerSecond: medianOf(samples, decodeRate),
  },
  direct: {
    prefillMs: medianOf(pairs, (pair) => pair.direct.prefillMs),
    prefillTokensPerSecond: medianOf(pairs, (pair) => prefillRate(pair.direct)),
    decodeTokensPerSecond: medianOf(pairs, (pair) => decodeRate(pair.direct)),
  },
  /** Medians of the two peers' ratio on the same prompt. */
  prefillRatio: medianOf(pairs, (pair) => prefillRate(pair.product) / prefillRate(pair.direct)),
  decodeRatio: medianOf(pairs, (pair) => decodeRate(pair.product) / decodeRate(pair.direct)),
  sameAnswers: pairs.filter((pair) => pair.direct.text.trim().startsWith(pair.product.text.trim())).length,
  stop: stopTimes,
};
const isWithinTargets =
  report.product.outsidePrefillMs < TARGET_OVERHEAD_MS && report.decodeRatio >= TARGET_DECODE_RATIO;

const toRow = (row: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, Number(value.toFixed(1))]));
console.table({ product: toRow(report.product), direct: toRow(report.direct) });
console.log(
  `${report.questions} questions, medians: overhead outside prefill ${report.product.outsidePrefillMs.toFixed(1)} ms ` +
    `(target < ${TARGET_OVERHEAD_MS}), decode ${(report.decodeRatio * 100).toFixed(1)} % of direct ` +
    `(target ≥ ${TARGET_DECODE_RATIO * 100}), prefill ${(report.prefillRatio * 100).toFixed(1)} %, ` +
    `${report.sameAnswers} answers word for word the same; a stop while reading is seen after ` +
    `${stopTimes.seenMs.toFixed(0)} ms, and the model is free after ${stopTimes.freeMs.toFixed(0)}`,
);
if (flags.json) console.log(JSON.stringify({ ...report, isWithinTargets }));
process.exitCode = isWithinTargets ? 0 : 1;
