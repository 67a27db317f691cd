/**
 * What a training run costs the people who chat meanwhile: time to the first word and to the whole answer, p50 and p95, before
 * the run, while it computes, and after it was stopped, in one run of this script.
 *
 * The product is the embedded database, the inference server and the worker as processes of their own, with the demo documents;
 * a turn is stored, searched for, answered and checked as one of the chat page. The trainer is the process that the worker
 * starts, with the options of the preset “balanced”; only steps that it takes while questions are asked count for its rate.
 *
 *   npm run bench:chat-while-training -- [--questions 20] [--threads 1] [--trainer-threads 1] [--json]
 */
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { createAnswerDeps } from '#lib/chat/create-chat-deps.ts';
import { type ChatTurnDeps, prepareChatTurn, streamChatTurn } from '#lib/chat/run-chat-turn.ts';
import { createRunningGenerations } from '#lib/chat/running-generations.ts';
import { loadEnv } from '#lib/config/env.ts';
import type { Provenance } from '#lib/domain/chat.ts';
import { createBaseFinder } from '#lib/registry/find-base.ts';
import { createTrainerStarter } from '#lib/training/trainer-process.ts';
import { DATA_DIR, REQUEST_FILE, splitFiles, type TrainerRequest } from '#lib/training/trainer-protocol.ts';
import { presets } from '#lib/training/training-options.ts';
import { chooseTrainingThreads } from '#lib/training/training-threads.ts';
import { type StartedProduct, startProduct } from './start-product.ts';

const flags = new Command('bench:chat-while-training')
  .option('--questions <number>', 'of the demo, asked in each phase', Number, 20)
  .option('--threads <number>', 'compute threads of the runtime', Number, Math.max(1, os.availableParallelism() - 1))
  .option('--trainer-threads <number>', 'compute threads of the trainer', Number, chooseTrainingThreads())
  .option('--json', 'print one JSON object as the last line', false)
  .parse()
  .opts<{ questions: number; threads: number; trainerThreads: number; json: boolean }>();

/** Steps until first touches of weights and buffers are over. */
const WARM_UP_STEPS = 2;
const ROWS = 400;
const env = loadEnv();

interface Turn {
  readonly firstTextMs: number;
  readonly totalMs: number;
  readonly prefillRate: number;
  readonly decodeRate: number;
}

async function askOnce(deps: ChatTurnDeps, product: StartedProduct, question: string): Promise<Turn | null> {
  const startedAt = performance.now();
  const turn = await prepareChatTurn(deps, product.access, { kind: 'ask', conversationId: null, question });
  let firstAt = 0;
  let provenance: Provenance | null = null;
  for await (const event of streamChatTurn(deps, turn)) {
    if (event.type === 'text-delta') firstAt ||= performance.now();
    if (event.type === 'turn-error') throw new Error(`${question}: ${event.error.code}`);
    if (event.type === 'turn-finish') provenance = event.provenance;
  }
  const { usage, timingsMs } = provenance ?? {};
  // Answered by a passage or refused: the model had next to nothing to do.
  if (!usage || !timingsMs?.prefill || !timingsMs.decode || firstAt === 0) return null;
  return {
    firstTextMs: firstAt - startedAt,
    totalMs: performance.now() - startedAt,
    prefillRate: ((usage.promptTokens - usage.cachedPromptTokens) * 1000) / timingsMs.prefill,
    decodeRate: ((usage.completionTokens - 1) * 1000) / timingsMs.decode,
  };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

const summarise = (turns: readonly Turn[]) => ({
  turns: turns.length,
  firstTextP50: quantile(
    turns.map(({ firstTextMs }) => firstTextMs),
    0.5,
  ),
  firstTextP95: quantile(
    turns.map(({ firstTextMs }) => firstTextMs),
    0.95,
  ),
  answerP50: quantile(
    turns.map(({ totalMs }) => totalMs),
    0.5,
  ),
  answerP95: quantile(
    turns.map(({ totalMs }) => totalMs),
    0.95,
  ),
  prefillTokensPerSecond: quantile(
    turns.map(({ prefillRate }) => prefillRate),
    0.5,
  ),
  decodeTokensPerSecond: quantile(
    turns.map(({ decodeRate }) => decodeRate),
    0.5,
  ),
});

/** Rows of the length of a chat log's; what they say is of no matter here. */
const rows = Array.from({ length: ROWS }, (_, index) => ({
  messages: [
    {
      role: 'user',
      content: `My order ${index * 37} has not come yet, and I leave in ${index % 9} days. What can I do?`,
    },
    {
      role: 'assistant',
      content: `I am sorry that order ${index * 37} is late. Open your account, choose the order and then “Where is it”. If it has not left the depot by tomorrow, we send it again at our cost, by express, so that it is there in ${index % 9} days.`,
    },
  ],
}));

const toRow = (row: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(row).map(([name, value]) => [name, Number(value.toFixed(1))]));

console.error('starting the product and indexing the demo documents');
const product = await startProduct({ LOREHOUSE_MODELS_DIR: env.modelsDir, LOREHOUSE_THREADS: String(flags.threads) });
const deps: ChatTurnDeps = {
  db: product.db,
  generations: createRunningGenerations(),
  log: { error: (fields, message) => console.error(message, fields) },
  chooseModel: async () => 'base',
  answer: createAnswerDeps(product),
};
const questions = product.questions.slice(0, flags.questions);
async function askAll(phase: string): Promise<Turn[]> {
  console.error(`asking ${questions.length} questions ${phase}`);
  const turns: Turn[] = [];
  for (const question of questions) {
    const turn = await askOnce(deps, product, question);
    if (turn !== null) turns.push(turn);
  }
  return turns;
}

const directory = path.join(product.dataDir, 'training', 'bench');
const base = await createBaseFinder(env)();
const request: TrainerRequest = {
  base: { id: base.id, sha256: base.sha256 },
  // Longer than anybody asks: it is stopped.
  config: { ...presets.balanced.config, maxSteps: 10_000 },
  threads: flags.trainerThreads,
  device: 'cpu',
  hasValidation: false,
  hasHeldOut: false,
  wantsSamples: false,
};
await mkdir(path.join(directory, DATA_DIR), { recursive: true });
await writeFile(
  path.join(directory, DATA_DIR, splitFiles.train),
  rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
);
await writeFile(path.join(directory, REQUEST_FILE), JSON.stringify(request));

try {
  await askOnce(deps, product, questions[0] ?? '');
  const before = await askAll('before training');
  console.error('unpacking weights, first steps');
  const trainer = createTrainerStarter({
    script: path.join(import.meta.dirname, '../trainer.ts'),
    env: { ...process.env, LOREHOUSE_DATA_DIR: product.dataDir, LOREHOUSE_MODELS_DIR: env.modelsDir },
  })(directory);
  const rates: number[] = [];
  let isAsking = false;
  const begun = new AbortController();
  const watched = (async () => {
    for await (const message of trainer.messages) {
      if (message.event === 'run-fail') throw new Error(`the trainer failed: ${message.message}`);
      if (message.event !== 'step-finish') continue;
      if (message.step >= WARM_UP_STEPS) begun.abort();
      if (isAsking) rates.push(message.tokensPerSecond);
    }
  })();
  await Promise.race([once(begun.signal, 'abort'), watched]);
  isAsking = true;
  const during = await askAll('while it trains');
  isAsking = false;
  trainer.kill();
  await watched;
  const after = await askAll('after training');

  const report = {
    base: base.id,
    threads: flags.threads,
    trainerThreads: flags.trainerThreads,
    load: os.loadavg(),
    otherwise: summarise([...before, ...after]),
    during: summarise(during),
    trainerTokensPerSecond: quantile(rates, 0.5),
    trainerSteps: rates.length,
  };
  console.table({ otherwise: toRow(report.otherwise), 'during training': toRow(report.during) });
  console.log(
    `while a run trains at ${report.trainerTokensPerSecond.toFixed(0)} tokens a second (${rates.length} steps), the first word comes at p95 after ${(report.during.firstTextP95 / 1000).toFixed(1)} s instead of ${(report.otherwise.firstTextP95 / 1000).toFixed(1)}, the whole answer after ${(report.during.answerP95 / 1000).toFixed(1)} s instead of ${(report.otherwise.answerP95 / 1000).toFixed(1)}; load ${os.loadavg()[0]?.toFixed(1)}`,
  );
  if (flags.json) console.log(JSON.stringify(report));
} finally {
  await product.close();
}
