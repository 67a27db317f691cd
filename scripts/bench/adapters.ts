/**
 * What adapters cost: first token and decode with and without one, switching between them in memory and from disk, many over
 * one base, and memory after many switches, next to plain node-llama-cpp on the same loaded base in the same run.
 *
 * The adapters are random, of rank 16 on every linear layer: llama.cpp computes the same products whatever is in them. Ours is
 * the runtime's own pool and generation; plain is one context of node-llama-cpp for each adapter, with its defaults.
 *
 *   npm run bench:adapters -- [--repeats 3] [--adapters 50] [--budget-mb 1024] [--threads 1] [--json]
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { Command } from 'commander';
import { loadEnv } from '#lib/config/env.ts';
import { writeGgufAdapter } from '#lib/lora/adapter/gguf-adapter.ts';
import { sizeOfModule, targetModules } from '#lib/lora/architectures/architecture.ts';
import { createRandom } from '#lib/lora/train/random.ts';
import { createBaseFinder } from '#lib/registry/find-base.ts';
import { allocatorEnvironment } from '#lib/runtime/server/allocator.ts';
import { loadBaseModel, startLlama } from '#lib/runtime/server/base-model.ts';
import { createContextPool } from '#lib/runtime/server/context-pool.ts';
import { generateText } from '#lib/runtime/server/generate.ts';
import { longestEvaluation } from '#lib/runtime/server/prefill.ts';

const flags = new Command('bench:adapters')
  .option('--repeats <number>', 'of every generation', Number, 3)
  .option('--adapters <number>', 'over one base', Number, 50)
  .option('--requests <number>', 'of the skewed load', Number, 150)
  .option('--budget-mb <number>', 'memory of the pool', Number, 1024)
  .option('--threads <number>', 'compute threads', Number, Math.max(1, os.availableParallelism() - 1))
  .option('--json', 'print one JSON object as the last line', false)
  .parse()
  .opts<{ repeats: number; adapters: number; requests: number; budgetMb: number; threads: number; json: boolean }>();

const RANK = 16;
const CONTEXT_TOKENS = 2048;
const BLOCK_TOKENS = 128;
const DECODED_TOKENS = 32;
const SWITCHES = 200;
const LOOK_EVERY_SWITCHES = 40;
const TARGET_WARM_SWITCH_MS = 10;
const TARGET_DECODE_COST = 0.15;
/** Of the memory in use; the allocator keeps freed pages. */
const TARGET_GROWTH_SHARE = 0.1;
const never = new AbortController().signal;
const env = loadEnv();

if (process.env['MALLOC_MMAP_THRESHOLD_'] === undefined) {
  // As the product starts its inference server; the allocator reads it before the first line of any program.
  const { status } = spawnSync(process.execPath, process.argv.slice(1), {
    env: { ...process.env, ...allocatorEnvironment },
    stdio: 'inherit',
  });
  process.exit(status ?? 1);
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
const round = (value: number) => Number(value.toFixed(2));
const median = (values: readonly number[]) => quantile(values, 0.5);

const found = await createBaseFinder(env)();
const folder = await mkdtemp(path.join(os.tmpdir(), 'bench-adapters-'));

/** One file of random numbers; the others differ in alpha, which is enough for another content and another hash. */
async function writeAdapters(count: number): Promise<{ readonly sha256: string; readonly filePath: string }[]> {
  const random = createRandom(1);
  const draw = (length: number) => Float32Array.from({ length }, () => (random() - 0.5) * 0.02);
  const template = path.join(folder, 'template.gguf');
  const factors = Array.from({ length: found.config.layerCount }, (_, layer) =>
    targetModules.map((module) => {
      const { inputs, outputs } = sizeOfModule(found.config, module);
      return { layer, module, rank: RANK, down: draw(RANK * inputs), up: draw(outputs * RANK) };
    }),
  ).flat();
  await writeGgufAdapter(template, { architecture: found.config.architecture, alpha: 1, factors }, 'F16');
  const bytes = await readFile(template);
  const key = 'adapter.lora.alpha';
  // A key of the metadata is followed by four bytes of its type and its value.
  const place = bytes.indexOf(key) + key.length + 4;
  if (place < key.length + 4 || bytes.readFloatLE(place) !== 1) throw new Error(`${template} has no ${key}`);
  const files = [];
  for (let index = 0; index < count; index += 1) {
    bytes.writeFloatLE(RANK + index / 16, place);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const filePath = path.join(folder, `${sha256}.gguf`);
    await writeFile(filePath, bytes);
    files.push({ sha256, filePath });
  }
  return files;
}

console.error(`writing ${flags.adapters} adapters`);
const adapters = await writeAdapters(flags.adapters);
const adapterBytes = (await readFile(adapters[0]?.filePath ?? '')).byteLength;
const backend = await startLlama({ gpu: env.gpu, threads: flags.threads, onLog: () => undefined });
const base = await loadBaseModel(
  backend,
  { id: found.id, path: found.path, sha256: found.sha256 },
  { contextTokens: CONTEXT_TOKENS },
);
const createPool = (budgetMb: number) =>
  createContextPool(base, {
    threads: flags.threads,
    batchSize: longestEvaluation(BLOCK_TOKENS),
    budgetBytes: budgetMb * 1024 ** 2,
  });

const prompt = base.tokenizeMessages(
  [
    {
      role: 'user',
      content:
        'Answer from the source. Source: The pump moves 40 litres a minute. Its filter is cleaned every two weeks with warm water and never with solvents; a blocked filter shows error E42 and stops the pump. Question: What does error E42 mean, and how is the filter cleaned?',
    },
  ],
  true,
);
const request = {
  model: 'base',
  input: { prompt: '' },
  temperature: 0,
  topP: 1,
  seed: 1,
  maxTokens: DECODED_TOKENS,
  stop: [],
  repetitionPenalty: 1,
  jsonSchema: undefined,
};

interface Speed {
  readonly firstTokenMs: number;
  readonly tokensPerSecond: number;
}

async function measureOurs(pool: ReturnType<typeof createPool>, sha256: string | null): Promise<Speed> {
  const lease = await pool.acquire(sha256);
  try {
    await lease.cache.sequence.clearHistory();
    lease.cache.blockTokens = 0;
    const run = generateText(base, lease.cache, prompt, request, { blockSize: BLOCK_TOKENS, signal: never });
    for (;;) {
      const step = await run.next();
      if (step.done !== true) continue;
      const { prefillMs, decodeMs, completionTokens } = step.value;
      return { firstTokenMs: prefillMs, tokensPerSecond: ((completionTokens - 1) * 1000) / decodeMs };
    }
  } finally {
    lease.release();
  }
}

/** node-llama-cpp as its documentation has it: a context with the adapter, one evaluation for the whole prompt. */
async function measurePlain(filePath: string | null): Promise<Speed & { readonly createMs: number }> {
  const startedAt = performance.now();
  const context = await base.model.createContext({
    contextSize: CONTEXT_TOKENS,
    threads: { ideal: flags.threads, min: flags.threads },
    ...(filePath === null ? {} : { lora: filePath }),
  });
  const createdAt = performance.now();
  let firstAt = 0;
  let count = 0;
  const tokens = context.getSequence().evaluate(prompt, { temperature: 0 });
  while (count < DECODED_TOKENS && (await tokens.next()).done !== true) {
    firstAt ||= performance.now();
    count += 1;
  }
  const endedAt = performance.now();
  await context.dispose();
  return {
    createMs: createdAt - startedAt,
    firstTokenMs: firstAt - createdAt,
    tokensPerSecond: ((count - 1) * 1000) / (endedAt - firstAt),
  };
}

const rssMb = () => process.memoryUsage().rss / 1024 ** 2;

/** Zipf: the second adapter is asked half as often as the first, the third a third. */
function drawSkewed(random: () => number, count: number): number {
  const weights = Array.from({ length: count }, (_, index) => 1 / (index + 1));
  let rest = random() * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [index, weight] of weights.entries()) {
    rest -= weight;
    if (rest <= 0) return index;
  }
  return count - 1;
}

async function timeSwitch(pool: ReturnType<typeof createPool>, sha256: string): Promise<number> {
  const startedAt = performance.now();
  (await pool.acquire(sha256)).release();
  return performance.now() - startedAt;
}

try {
  const [first, second] = adapters;
  if (first === undefined || second === undefined) throw new Error('--adapters needs two at least');

  console.error('generating with and without an adapter, ours and plain in turn');
  const roomy = createPool(8192);
  for (const { sha256, filePath } of [first, second]) await roomy.registerAdapter(sha256, filePath);
  await measureOurs(roomy, null);
  const speeds: Record<'oursBase' | 'oursAdapter' | 'plainBase' | 'plainAdapter', Speed[]> = {
    oursBase: [],
    oursAdapter: [],
    plainBase: [],
    plainAdapter: [],
  };
  for (let repeat = 0; repeat < flags.repeats; repeat += 1) {
    speeds.oursBase.push(await measureOurs(roomy, null));
    speeds.plainBase.push(await measurePlain(null));
    speeds.oursAdapter.push(await measureOurs(roomy, first.sha256));
    speeds.plainAdapter.push(await measurePlain(first.filePath));
  }

  console.error('switching in memory');
  const warm: number[] = [];
  for (let index = 0; index < SWITCHES; index += 1) {
    warm.push(await timeSwitch(roomy, index % 2 === 0 ? first.sha256 : second.sha256));
  }
  for (const { sha256 } of [first, second]) await roomy.unregisterAdapter(sha256);

  console.error('switching from disk, room for one');
  const tight = createPool(1);
  for (const { sha256, filePath } of adapters) await tight.registerAdapter(sha256, filePath);
  const cold: number[] = [];
  const switchedMb = [rssMb()];
  for (let index = 0; index < SWITCHES; index += 1) {
    cold.push(await timeSwitch(tight, adapters[index % adapters.length]?.sha256 ?? ''));
    if (cold.length % LOOK_EVERY_SWITCHES === 0) switchedMb.push(rssMb());
  }
  // What is read and freed once is what the allocator keeps; from then on a pool that frees grows no further.
  const [, settledMb = Number.NaN] = switchedMb;
  const afterMb = switchedMb.at(-1) ?? Number.NaN;
  for (const { sha256 } of adapters) await tight.unregisterAdapter(sha256);

  console.error(`${flags.requests} requests to ${flags.adapters} adapters, skewed`);
  const pool = createPool(flags.budgetMb);
  for (const { sha256, filePath } of adapters) await pool.registerAdapter(sha256, filePath);
  const random = createRandom(7);
  const switches: number[] = [];
  const firstTokens: number[] = [];
  const short = { ...request, maxTokens: 1 };
  let hits = 0;
  let peakMb = rssMb();
  for (let index = 0; index < flags.requests; index += 1) {
    const { sha256 } = adapters[drawSkewed(random, adapters.length)] ?? first;
    const startedAt = performance.now();
    const lease = await pool.acquire(sha256);
    const switched = performance.now() - startedAt;
    const isHit = lease.cache.sequence.nextTokenIndex > 0;
    hits += Number(isHit);
    const tokens = prompt.slice(0, 24);
    const run = generateText(base, lease.cache, tokens, short, { blockSize: BLOCK_TOKENS, signal: never });
    while ((await run.next()).done !== true);
    lease.release();
    switches.push(switched);
    firstTokens.push(performance.now() - startedAt);
    peakMb = Math.max(peakMb, rssMb());
  }
  const { usage } = pool;

  console.error('plain node-llama-cpp: a new context for each switch, nothing is ever freed');
  const plainBeforeMb = rssMb();
  const plainSwitches: number[] = [];
  for (const { filePath } of adapters) {
    const startedAt = performance.now();
    const context = await base.model.createContext({ contextSize: CONTEXT_TOKENS, lora: filePath });
    plainSwitches.push(performance.now() - startedAt);
    await context.dispose();
  }
  const plainAfterMb = rssMb();

  const summarise = (all: readonly Speed[]) => ({
    firstTokenMs: median(all.map(({ firstTokenMs }) => firstTokenMs)),
    tokensPerSecond: median(all.map(({ tokensPerSecond }) => tokensPerSecond)),
  });
  const costOf = (baseline: readonly Speed[], adapted: readonly Speed[]) =>
    1 - summarise(adapted).tokensPerSecond / summarise(baseline).tokensPerSecond;
  const report = {
    base: found.id,
    rank: RANK,
    adapterMb: adapterBytes / 1024 ** 2,
    threads: flags.threads,
    promptTokens: prompt.length,
    load: os.loadavg(),
    oursBase: summarise(speeds.oursBase),
    oursAdapter: summarise(speeds.oursAdapter),
    plainBase: summarise(speeds.plainBase),
    plainAdapter: summarise(speeds.plainAdapter),
    decodeCost: costOf(speeds.oursBase, speeds.oursAdapter),
    plainDecodeCost: costOf(speeds.plainBase, speeds.plainAdapter),
    warmSwitchMs: { p50: median(warm), p95: quantile(warm, 0.95) },
    coldSwitchMs: { p50: median(cold), p95: quantile(cold, 0.95) },
    plainSwitchMs: { p50: median(plainSwitches), p95: quantile(plainSwitches, 0.95) },
    memoryMb: { every: LOOK_EVERY_SWITCHES, switches: switchedMb },
    plainMemoryMb: { before: plainBeforeMb, afterSwitches: plainAfterMb, switches: adapters.length },
    skewed: {
      adapters: adapters.length,
      requests: flags.requests,
      budgetMb: flags.budgetMb,
      hitShare: hits / flags.requests,
      switchMs: { p50: median(switches), p95: quantile(switches, 0.95) },
      firstTokenMs: { p50: median(firstTokens), p95: quantile(firstTokens, 0.95) },
      peakMb,
      usage,
    },
  };
  const isWithinTargets =
    report.warmSwitchMs.p95 < TARGET_WARM_SWITCH_MS &&
    report.decodeCost <= TARGET_DECODE_COST &&
    afterMb - settledMb < settledMb * TARGET_GROWTH_SHARE;
  console.table(
    Object.fromEntries(
      (['oursBase', 'oursAdapter', 'plainBase', 'plainAdapter'] as const).map((name) => [
        name,
        {
          'first token, ms': round(report[name].firstTokenMs),
          'tokens a second': round(report[name].tokensPerSecond),
        },
      ]),
    ),
  );
  console.table(
    Object.fromEntries(
      (['warmSwitchMs', 'coldSwitchMs', 'plainSwitchMs'] as const).map((name) => [
        name,
        { p50: round(report[name].p50), p95: round(report[name].p95) },
      ]),
    ),
  );
  console.log(
    `decode cost of an adapter ${(100 * report.decodeCost).toFixed(1)} % (target ≤ ${100 * TARGET_DECODE_COST}, plain ${(100 * report.plainDecodeCost).toFixed(1)} %); ` +
      `memory over ${SWITCHES} switches from disk, every ${LOOK_EVERY_SWITCHES}: ${switchedMb.map((mb) => mb.toFixed(0)).join(' → ')} MB, plain ${plainBeforeMb.toFixed(0)} → ${plainAfterMb.toFixed(0)} MB over ${adapters.length}; ` +
      `${flags.requests} skewed requests to ${adapters.length} adapters in ${flags.budgetMb} MB: ${(100 * report.skewed.hitShare).toFixed(0)} % in memory, ` +
      `switch p50 ${report.skewed.switchMs.p50.toFixed(1)} p95 ${report.skewed.switchMs.p95.toFixed(0)} ms, first token p50 ${report.skewed.firstTokenMs.p50.toFixed(0)} p95 ${report.skewed.firstTokenMs.p95.toFixed(0)} ms, at most ${peakMb.toFixed(0)} MB; load ${os.loadavg()[0]?.toFixed(1)}`,
  );
  if (flags.json) console.log(JSON.stringify({ ...report, isWithinTargets }));
  process.exitCode = isWithinTargets ? 0 : 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
await base.model.dispose();
await backend.llama.dispose();
