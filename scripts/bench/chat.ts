/**
 * Time to first token and decode rate of an answer, through the product's client and inference server, against the same
 * prompts run directly on node-llama-cpp in the same run. The peers take turns, in alternating order, and never compute at
 * the same time. Every prompt is new to both, so that no prefix cache helps either.
 *
 *   npm run bench:chat -- [--rounds 7] [--tokens 48] [--threads 1] [--json]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { describeDataDir } from '#lib/config/data-dir.ts';
import { loadEnv } from '#lib/config/env.ts';
import { SUPERVISED_VARIABLE } from '#lib/config/exit-with-parent.ts';
import { resolveModel } from '#lib/models/model-store.ts';
import { createRuntimeClient } from '#lib/runtime/client.ts';
import type { ChatMessage } from '#lib/runtime/runtime-port.ts';
import { loadBaseModel, startLlama } from '#lib/runtime/server/base-model.ts';

const flags = new Command('bench:chat')
  .option('--rounds <number>', 'prompts a peer answers', Number, 7)
  .option('--tokens <number>', 'tokens an answer', Number, 48)
  .option('--threads <number>', 'compute threads of each peer', Number, Math.max(1, os.availableParallelism() - 1))
  .option('--json', 'print one JSON object as the last line', false)
  .parse()
  .opts<{ rounds: number; tokens: number; threads: number; json: boolean }>();

const TARGET_OVERHEAD_MS = 150;
const TARGET_DECODE_RATIO = 0.95;
const CONTEXT_TOKENS = 2048;

interface Sample {
  readonly firstTokenMs: number;
  /** Before the model is asked; null where the peer has no such stage. */
  readonly retrievalMs: number | null;
  readonly queueMs: number | null;
  readonly prefillMs: number | null;
  readonly decodeTokensPerSecond: number;
  readonly promptTokens: number;
  readonly text: string;
}

interface Peer {
  readonly name: string;
  measure(messages: readonly ChatMessage[]): Promise<Sample>;
  close(): Promise<void>;
}

const env = loadEnv();

/** Client → Unix socket → inference server process: the way every answer takes. */
async function startProductPeer(): Promise<Peer> {
  const dataDir = await mkdtemp(path.join(os.tmpdir(), 'bench-chat-'));
  const child = spawn(process.execPath, ['scripts/runtime.ts'], {
    env: {
      ...process.env,
      [SUPERVISED_VARIABLE]: '1',
      LOREHOUSE_DATA_DIR: dataDir,
      LOREHOUSE_MODELS_DIR: env.modelsDir,
      LOREHOUSE_THREADS: String(flags.threads),
    },
    // The input is the pipe whose end tells the child that a killed benchmark is gone.
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await waitUntilReady(child);
  const client = createRuntimeClient({ socketPath: describeDataDir(dataDir).runtimeSocket });
  return {
    name: 'product',
    async measure(messages) {
      const startedAt = performance.now();
      let firstTokenAt: number | undefined;
      let text = '';
      for await (const chunk of client.streamChat({ model: 'base', messages, maxTokens: flags.tokens })) {
        if (chunk.type === 'text-delta') {
          firstTokenAt ??= performance.now();
          text += chunk.text;
          continue;
        }
        const endedAt = performance.now();
        const first = firstTokenAt ?? endedAt;
        return {
          firstTokenMs: first - startedAt,
          retrievalMs: null,
          queueMs: chunk.timings.queueMs,
          prefillMs: chunk.timings.prefillMs,
          decodeTokensPerSecond: ((chunk.usage.completionTokens - 1) * 1000) / (endedAt - first),
          promptTokens: chunk.usage.promptTokens,
          text,
        };
      }
      throw new Error('the stream ended without a finish chunk');
    },
    async close() {
      await client.close();
      const exited = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await exited;
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function waitUntilReady(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = '';
    child.stdout?.on('data', (bytes: Buffer) => {
      output += bytes.toString();
      if (output.includes('"msg":"ready"')) resolve();
    });
    child.once('exit', () => reject(new Error(`the inference server ended before it was ready:\n${output}`)));
  });
}

/** node-llama-cpp with its own defaults (one call for the whole prompt), in this process. */
async function startDirectPeer(): Promise<Peer> {
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
    name: 'direct',
    async measure(messages) {
      await sequence.clearHistory();
      const startedAt = performance.now();
      const tokens = base.tokenizeMessages(messages, true);
      const generated = [];
      let firstTokenAt: number | undefined;
      for await (const token of sequence.evaluate(tokens, { temperature: 0 })) {
        firstTokenAt ??= performance.now();
        generated.push(token);
        if (generated.length >= flags.tokens) break;
      }
      const endedAt = performance.now();
      const first = firstTokenAt ?? endedAt;
      return {
        firstTokenMs: first - startedAt,
        retrievalMs: null,
        queueMs: null,
        prefillMs: first - startedAt,
        decodeTokensPerSecond: ((generated.length - 1) * 1000) / (endedAt - first),
        promptTokens: tokens.length,
        text: base.model.detokenize(generated),
      };
    },
    async close() {
      await base.model.dispose();
      await backend.llama.dispose();
    },
  };
}

/** About 400 tokens, different from the first sentence on. */
function writePrompt(round: number): ChatMessage[] {
  const passages = Array.from({ length: 6 }, (_, index) => {
    const part = `MX-${7000 + round * 37 + index}`;
    return `[${index + 1}] Pump ${part} holds ${round + index + 2} litres of coolant. Its filter is changed every ${30 + index * 15} days, and its warranty lasts ${index + 1} years from the date of delivery.`;
  });
  return [
    { role: 'system', content: `Manual ${round + 1}. Answer from these passages.\n${passages.join('\n')}` },
    { role: 'user', content: 'Describe every pump in the list, one after the other.' },
  ];
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? (upper + (sorted[middle - 1] ?? upper)) / 2 : upper;
}

function medianOf(samples: readonly Sample[], read: (sample: Sample) => number | null): number | null {
  const values = samples.map(read).filter((value) => value !== null);
  return values.length === 0 ? null : median(values);
}

const product = await startProductPeer();
const direct = await startDirectPeer();
const samples: { product: Sample[]; direct: Sample[] } = { product: [], direct: [] };
try {
  // Once each, unmeasured: first touches of weights and buffers.
  for (const peer of [product, direct]) await peer.measure([{ role: 'user', content: 'Say yes.' }]);
  for (let round = 0; round < flags.rounds; round += 1) {
    const messages = writePrompt(round);
    const order = round % 2 === 0 ? (['product', 'direct'] as const) : (['direct', 'product'] as const);
    for (const name of order) {
      samples[name].push(await (name === 'product' ? product : direct).measure(messages));
    }
  }
} finally {
  await product.close();
  await direct.close();
}

const summarise = (list: readonly Sample[]) => ({
  firstTokenMs: medianOf(list, (sample) => sample.firstTokenMs),
  retrievalMs: medianOf(list, (sample) => sample.retrievalMs),
  queueMs: medianOf(list, (sample) => sample.queueMs),
  prefillMs: medianOf(list, (sample) => sample.prefillMs),
  outsidePrefillMs: medianOf(list, (sample) =>
    sample.prefillMs === null ? null : sample.firstTokenMs - sample.prefillMs,
  ),
  prefillTokensPerSecond: medianOf(list, (sample) =>
    sample.prefillMs === null ? null : (sample.promptTokens * 1000) / sample.prefillMs,
  ),
  decodeTokensPerSecond: medianOf(list, (sample) => sample.decodeTokensPerSecond),
});
const report = {
  rounds: flags.rounds,
  threads: flags.threads,
  promptTokens: medianOf(samples.product, (sample) => sample.promptTokens),
  product: summarise(samples.product),
  direct: summarise(samples.direct),
  /** Median over rounds of the two peers' ratio on the same prompt. */
  decodeRatio: median(
    samples.product.map(
      (sample, round) => sample.decodeTokensPerSecond / (samples.direct[round]?.decodeTokensPerSecond ?? Number.NaN),
    ),
  ),
  sameAnswers: samples.product.filter((sample, round) => sample.text.trim() === samples.direct[round]?.text.trim())
    .length,
};
const isWithinTargets =
  (report.product.outsidePrefillMs ?? Number.POSITIVE_INFINITY) < TARGET_OVERHEAD_MS &&
  report.decodeRatio >= TARGET_DECODE_RATIO;

console.table({ product: report.product, direct: report.direct });
console.log(
  `overhead outside prefill ${report.product.outsidePrefillMs?.toFixed(1)} ms (target < ${TARGET_OVERHEAD_MS}), ` +
    `decode ${(report.decodeRatio * 100).toFixed(1)} % of direct (target ≥ ${TARGET_DECODE_RATIO * 100}), ` +
    `${report.sameAnswers} of ${report.rounds} answers word for word the same`,
);
if (flags.json) console.log(JSON.stringify({ ...report, isWithinTargets }));
process.exitCode = isWithinTargets ? 0 : 1;
