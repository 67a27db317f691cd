/**
 * How much of the model's rate an evaluation reaches: cases a minute through the product's own run (prompts, queue, HTTP,
 * checks, every result stored), against the bare model generating the same tokens from the same prompts in the same order,
 * without any of that, in this process. The two take turns, so that a machine that slows down slows both.
 *
 *   npm run bench:evaluate -- [--cases 8] [--rounds 2] [--threads 1] [--json]
 */
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import { createAnswerDeps } from '#lib/chat/create-chat-deps.ts';
import { loadEnv } from '#lib/config/env.ts';
import { readShippedSuites } from '#lib/evaluation/shipped-suites.ts';
import { saveSuite } from '#lib/evaluation/suites.ts';
import { createBaseFinder } from '#lib/registry/find-base.ts';
import type { ChatRequest, RuntimeClient } from '#lib/runtime/runtime-port.ts';
import { loadBaseModel, startLlama } from '#lib/runtime/server/base-model.ts';
import { createContextPool } from '#lib/runtime/server/context-pool.ts';
import { generateText } from '#lib/runtime/server/generate.ts';
import { longestEvaluation } from '#lib/runtime/server/prefill.ts';
import { evaluateHere } from '../eval/evaluate-here.ts';
import { openThrowawayDatabase } from '../eval/open-workbench.ts';
import { startRuntime } from '../eval/start-runtime.ts';
import { shippedSuitesDir } from '../suites/shipped-suites-dir.ts';

const flags = new Command('bench:evaluate')
  .option('--cases <number>', 'of each round; each is asked twice', Number, 8)
  .option('--rounds <number>', 'of an evaluation and the same tokens bare', Number, 2)
  .option('--threads <number>', 'compute threads', Number, Math.max(1, os.availableParallelism() - 1))
  .option('--json', 'print one JSON object as the last line', false)
  .parse()
  .opts<{ cases: number; rounds: number; threads: number; json: boolean }>();

const TARGET_SHARE = 0.85;
/** As the runtime has them. */
const CONTEXT_TOKENS = 2048;
const BLOCK_TOKENS = 128;
const BUDGET_BYTES = 1024 ** 3;
const never = new AbortController().signal;

/** Processor seconds of a process so far; NaN where there is no /proc. */
async function readCpuSeconds(pid: number | 'self'): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // utime and stime in hundredths of a second, see proc_pid_stat(5).
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

interface Spent {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

async function measure(pids: readonly (number | 'self')[], work: () => Promise<void>): Promise<Spent> {
  const readAll = async () => (await Promise.all(pids.map(readCpuSeconds))).reduce((sum, each) => sum + each, 0);
  const cpuBefore = await readAll();
  const startedAt = performance.now();
  await work();
  return { seconds: (performance.now() - startedAt) / 1000, cpuSeconds: (await readAll()) - cpuBefore };
}

const add = (a: Spent, b: Spent): Spent => ({
  seconds: a.seconds + b.seconds,
  cpuSeconds: a.cpuSeconds + b.cpuSeconds,
});

const env = loadEnv();
const found = await createBaseFinder(env)();
const { db, directory, addWorkspace, close } = await openThrowawayDatabase();
const runtime = await startRuntime(path.join(directory, 'runtime'), flags.threads);
const backend = await startLlama({ gpu: env.gpu, threads: flags.threads, onLog: () => undefined });
const base = await loadBaseModel(
  backend,
  { id: found.id, path: found.path, sha256: found.sha256 },
  { contextTokens: CONTEXT_TOKENS },
);
const pool = createContextPool(base, {
  threads: flags.threads,
  batchSize: longestEvaluation(BLOCK_TOKENS),
  budgetBytes: BUDGET_BYTES,
});

/** @returns tokens that were written */
async function generateBare(request: ChatRequest): Promise<number> {
  const lease = await pool.acquire(null);
  try {
    const run = generateText(
      base,
      lease.cache,
      base.tokenizeMessages(request.messages, true),
      {
        model: 'base',
        input: { messages: request.messages },
        temperature: request.temperature ?? 0,
        topP: 1,
        seed: request.seed,
        maxTokens: request.maxTokens ?? BLOCK_TOKENS,
        stop: request.stop ?? [],
        repetitionPenalty: request.repetitionPenalty ?? 1,
        jsonSchema: undefined,
      },
      { blockSize: BLOCK_TOKENS, signal: never },
    );
    for (;;) {
      const step = await run.next();
      if (step.done === true) return step.value.completionTokens;
    }
  } finally {
    lease.release();
  }
}

try {
  const { id: workspaceId } = await addWorkspace('bench');
  const write = await authorizeSystem('bench', workspaceId, 'evaluation.write');
  const cases = (await readShippedSuites(shippedSuitesDir)).find(({ name }) => name === 'Grounding')?.cases ?? [];
  let asked: ChatRequest[] = [];
  let evaluatedTokens = 0;
  const recording: RuntimeClient = {
    ...runtime.client,
    async *streamChat(request, call) {
      asked.push(request);
      for await (const chunk of runtime.client.streamChat(request, call)) {
        if (chunk.type === 'finish') evaluatedTokens += chunk.usage.completionTokens;
        yield chunk;
      }
    },
  };
  const deps = { db, runtime: recording, answer: createAnswerDeps({ db, runtime: recording }) };
  // Both have read the weights and made their context before anything is timed.
  await generateBare({ model: 'base', messages: [{ role: 'user', content: 'Hello' }], maxTokens: 2 });
  for await (const _ of runtime.client.streamChat({
    model: 'base',
    messages: [{ role: 'user', content: 'Hello' }],
    maxTokens: 2,
  }));

  let evaluated: Spent = { seconds: 0, cpuSeconds: 0 };
  let bare: Spent = { seconds: 0, cpuSeconds: 0 };
  let answers = 0;
  let bareTokens = 0;
  for (let round = 0; round < flags.rounds; round += 1) {
    asked = [];
    const part = cases.slice(round * flags.cases, (round + 1) * flags.cases);
    const suite = { name: `Round ${round + 1}`, description: '', cases: part, note: '' };
    const { suiteId } = await saveSuite({ db }, write, suite);
    const spent = await measure(['self', runtime.pid], async () => {
      await evaluateHere(deps, workspaceId, { versionId: null, suiteIds: [suiteId] });
    });
    evaluated = add(evaluated, spent);
    answers += asked.length;
    bare = add(
      bare,
      await measure(['self'], async () => {
        for (const request of asked) bareTokens += await generateBare(request);
      }),
    );
    console.error(`round ${round + 1}: ${asked.length} answers in ${spent.seconds.toFixed(0)} s`);
  }
  if (bareTokens !== evaluatedTokens) {
    throw new Error(`the bare model wrote ${bareTokens} tokens, the evaluation ${evaluatedTokens}; nothing to compare`);
  }
  const report = {
    base: found.id,
    threads: flags.threads,
    answers,
    tokens: bareTokens,
    casesPerMinute: (60 * answers) / evaluated.seconds,
    bareCasesPerMinute: (60 * answers) / bare.seconds,
    share: bare.seconds / evaluated.seconds,
    cpuShare: Number.isFinite(evaluated.cpuSeconds) ? bare.cpuSeconds / evaluated.cpuSeconds : null,
    load: os.loadavg(),
  };
  console.table({
    evaluation: { 'answers a minute': report.casesPerMinute.toFixed(1), 'processor seconds': evaluated.cpuSeconds },
    'bare model': { 'answers a minute': report.bareCasesPerMinute.toFixed(1), 'processor seconds': bare.cpuSeconds },
  });
  console.log(
    `${answers} answers, ${bareTokens} tokens: ${(100 * report.share).toFixed(1)} % of the bare rate by the clock` +
      `${report.cpuShare === null ? '' : `, ${(100 * report.cpuShare).toFixed(1)} % by processor time`} (target ≥ ${100 * TARGET_SHARE}); load ${os.loadavg()[0]?.toFixed(1)}`,
  );
  if (flags.json) console.log(JSON.stringify(report));
  process.exitCode = report.share >= TARGET_SHARE ? 0 : 1;
} finally {
  await runtime.close();
  await close();
}
await base.model.dispose();
await backend.llama.dispose();
