/**
 * Speed and memory of LoRA training: steps of the product on random tokens, every linear layer adapted, taking turns with
 * the frozen matrix products of the same step alone and, with `--peer pytorch`, with the same step in plain PyTorch. A step
 * is forward, backward, clipping and AdamW. The share of the matrix-product rate counts the products with frozen weights,
 * 2·rows·inputs·outputs each, twice where a gradient flows back; both sides do the same of them, so the share is the ratio
 * of the two times. It counts adapter, attention, norms and optimiser as overhead.
 *
 *   npm run bench:train -- [--sequence 512] [--rank 16] [--layers 22] [--threads 2] [--steps 5] [--peer pytorch] [--json]
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { Command, Option } from 'commander';
import { z } from 'zod';
import { nameTensor, targetModules } from '#lib/lora/architectures/architecture.ts';
import { listFactors } from '#lib/lora/graph/training-graph.ts';
import { countFrozenFlops, listFrozenProducts } from '#lib/lora/train/flops.ts';
import { scaleOf } from '#lib/lora/train/train-config.ts';
import { type PeerProcess, startPeer } from './train/peer-process.ts';
import { openWorkload, sizeOfRun, toArguments, type Workload, type WorkloadFlags } from './train/workload.ts';

const flags = new Command('bench:train')
  .option('--base <id or path>', 'catalog id or GGUF file of the base model (default: the one in use)')
  .option('--sequence <tokens>', 'tokens of a step', Number, 512)
  .option('--rank <number>', 'rank of the adapter', Number, 16)
  .option('--layers <number>', 'uppermost layers that are adapted (default: all)', Number)
  .option('--dropout <share>', 'dropout of the adapter', Number, 0)
  .option('--threads <number>', 'compute threads of each peer', Number, os.availableParallelism())
  .option('--steps <number>', 'measured steps of each peer', Number, 5)
  .addOption(new Option('--peer <name>', 'also run the step in PyTorch').choices(['pytorch']))
  .option('--python <command>', 'the Python that has PyTorch', 'python3')
  .option('--no-growth', 'leave out other lengths, ranks and numbers of layers')
  .option('--json', 'print one JSON object as the last line', false)
  .parse()
  .opts<{
    base?: string;
    sequence: number;
    rank: number;
    layers?: number;
    dropout: number;
    threads: number;
    steps: number;
    peer?: 'pytorch';
    python: string;
    growth: boolean;
    json: boolean;
  }>();

const TARGET_SHARE = 0.7;
const TARGET_PYTORCH_RATIO = 2.5;
const TARGET_MEMORY_BYTES = 8e9;
/** Steps of each peer in a row of the growth table. */
const GROWTH_STEPS = 2;

const readySchema = z.object({ loadSeconds: z.number() });
const stepSchema = z.object({
  loss: z.number(),
  gradientNorm: z.number(),
  feedSeconds: z.number(),
  runSeconds: z.number(),
  optimiserSeconds: z.number(),
  cpuSeconds: z.number(),
  peakMemoryBytes: z.number(),
});
const matrixSchema = z.object({ runSeconds: z.number(), cpuSeconds: z.number() });
const pytorchSchema = matrixSchema.extend({ loss: z.number(), gradientNorm: z.number() });
type Ready = z.infer<typeof readySchema>;
type Step = z.infer<typeof stepSchema>;
type MatrixStep = z.infer<typeof matrixSchema>;
type PytorchStep = z.infer<typeof pytorchSchema>;

const peerFile = (name: string) => path.join(import.meta.dirname, 'train', name);

async function hasPytorch(): Promise<boolean> {
  try {
    await promisify(execFile)(flags.python, ['-c', 'import torch, numpy']);
    return true;
  } catch {
    return false;
  }
}

/** The workload as files that the Python peer reads. */
async function writeWorkload(workload: Workload, folder: string): Promise<string> {
  const { config, lora, weights, tokens, factors, threads, optimiser } = workload;
  const factorsFile = path.join(folder, 'factors.f32');
  const tokensFile = path.join(folder, 'tokens.i32');
  await writeFile(factorsFile, Buffer.concat(factors.map((values) => new Uint8Array(values.buffer))));
  await writeFile(tokensFile, tokens);
  const linear = Object.fromEntries(
    Array.from({ length: config.layerCount }, (_, layer) =>
      targetModules.map((module) => [`${layer}.${module}`, nameTensor(layer, module)]),
    ).flat(),
  );
  const file = path.join(folder, 'workload.json');
  await writeFile(
    file,
    JSON.stringify({
      config,
      threads,
      optimiser,
      linear,
      tokensFile,
      factorsFile,
      dropout: lora.dropout,
      scaling: scaleOf(lora),
      factors: listFactors(config, lora),
      dataFile: weights.dataFile,
      tensors: weights.layout.tensors,
    }),
  );
  return file;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? (upper + (sorted[middle - 1] ?? upper)) / 2 : upper;
}

const secondsOf = (step: Step) => step.feedSeconds + step.runSeconds + step.optimiserSeconds;

interface Round {
  readonly product: Step;
  readonly matrix: MatrixStep;
  readonly pytorch: PytorchStep | null;
}

/** Peers take turns, in alternating order, and never compute at the same time. */
async function measureRounds(workload: Workload, workloadFlags: WorkloadFlags, steps: number, withPytorch: boolean) {
  const args = toArguments(workloadFlags);
  const folder = await mkdtemp(path.join(os.tmpdir(), 'bench-train-'));
  const peers: PeerProcess<Ready, unknown>[] = [];
  const open = async <Reply>(command: string, peerArgs: readonly string[], reply: z.ZodType<Reply>) => {
    const peer = await startPeer(command, peerArgs, { ready: readySchema, reply });
    peers.push(peer);
    return peer;
  };
  try {
    const product = await open(process.execPath, [peerFile('step-peer.ts'), ...args], stepSchema);
    const matrix = await open(process.execPath, [peerFile('matrix-peer.ts'), ...args], matrixSchema);
    const pytorch = withPytorch
      ? await open(flags.python, [peerFile('pytorch-peer.py'), await writeWorkload(workload, folder)], pytorchSchema)
      : null;
    const rounds: Round[] = [];
    // The first round is not counted: first touches of weights and buffers.
    for (let round = 0; round <= steps; round++) {
      const isEven = round % 2 === 0;
      const before = isEven ? await matrix.step() : null;
      const step = await product.step();
      const after = before ?? (await matrix.step());
      rounds.push({ product: step, matrix: after, pytorch: (await pytorch?.step()) ?? null });
    }
    return { loadSeconds: product.ready.loadSeconds, rounds };
  } finally {
    await Promise.all(peers.map((peer) => peer.close()));
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(workloadFlags: WorkloadFlags, steps: number, withPytorch: boolean) {
  const workload = await openWorkload(workloadFlags);
  const { loadSeconds, rounds } = await measureRounds(workload, workloadFlags, steps, withPytorch);
  const measured = rounds.slice(1);
  const over = (read: (round: Round) => number) => median(measured.map(read));
  const flops = countFrozenFlops(listFrozenProducts(workload.config, workload.lora, sizeOfRun(workload)));
  const pytorchSteps = rounds.flatMap(({ product, pytorch }) => (pytorch ? [{ product, pytorch }] : []));
  return {
    tokensPerSecond: over(({ product }) => workload.tokens.length / secondsOf(product)),
    shareOfMatrixRate: over(({ product, matrix }) => matrix.runSeconds / secondsOf(product)),
    /** The same by the time of all threads, which other processes on the machine stretch less. */
    shareByCpuTime: over(({ product, matrix }) => matrix.cpuSeconds / product.cpuSeconds),
    matrixGflopsPerSecond: over(({ matrix }) => flops / matrix.runSeconds / 1e9),
    peakMemoryBytes: Math.max(...rounds.map(({ product }) => product.peakMemoryBytes)),
    pytorchRatio: withPytorch
      ? over(({ product, pytorch }) => (pytorch?.runSeconds ?? Number.NaN) / secondsOf(product))
      : null,
    pytorchRatioByCpuTime: withPytorch
      ? over(({ product, pytorch }) => (pytorch?.cpuSeconds ?? Number.NaN) / product.cpuSeconds)
      : null,
    pytorchTokensPerSecond: withPytorch
      ? over(({ pytorch }) => workload.tokens.length / (pytorch?.runSeconds ?? Number.NaN))
      : null,
    /** Largest relative difference of loss and gradient norm over the steps: the peers do the same work. */
    pytorchDifference: withPytorch
      ? Math.max(
          ...pytorchSteps.flatMap(({ product, pytorch }) => [
            Math.abs(product.loss / pytorch.loss - 1),
            Math.abs(product.gradientNorm / pytorch.gradientNorm - 1),
          ]),
        )
      : null,
    seconds: {
      load: loadSeconds,
      feed: over(({ product }) => product.feedSeconds),
      run: over(({ product }) => product.runSeconds),
      optimiser: over(({ product }) => product.optimiserSeconds),
    },
  };
}

type Measurement = Awaited<ReturnType<typeof measure>>;

const toRow = (measurement: Measurement) => ({
  'tokens/s': Number(measurement.tokensPerSecond.toFixed(1)),
  'share of matrix rate, %': Number((measurement.shareOfMatrixRate * 100).toFixed(1)),
  'by CPU time, %': Number((measurement.shareByCpuTime * 100).toFixed(1)),
  'matrix GFLOP/s': Number(measurement.matrixGflopsPerSecond.toFixed(0)),
  'memory, GB': Number((measurement.peakMemoryBytes / 1e9).toFixed(2)),
  'load, s': Number(measurement.seconds.load.toFixed(1)),
  'feed, s': Number(measurement.seconds.feed.toFixed(3)),
  'run, s': Number(measurement.seconds.run.toFixed(2)),
  'optimiser, s': Number(measurement.seconds.optimiser.toFixed(3)),
});

const main: WorkloadFlags = {
  base: flags.base,
  sequence: flags.sequence,
  rank: flags.rank,
  layers: flags.layers ?? null,
  dropout: flags.dropout,
  threads: flags.threads,
};
const withPytorch = flags.peer === 'pytorch' && (await hasPytorch());
if (flags.peer === 'pytorch' && !withPytorch)
  console.error(`${flags.python} cannot import torch: its peer is left out`);

const headline = await measure(main, flags.steps, withPytorch);
const rows: Record<string, Measurement> = { [`${main.sequence} tokens, rank ${main.rank}`]: headline };
if (flags.growth) {
  const variants: [string, Partial<WorkloadFlags>][] = [
    ...[128, 256, 1024].map((sequence): [string, Partial<WorkloadFlags>] => [`${sequence} tokens`, { sequence }]),
    ...[8, 32, 64].map((rank): [string, Partial<WorkloadFlags>] => [`rank ${rank}`, { rank }]),
    ...[4, 11].map((layers): [string, Partial<WorkloadFlags>] => [`top ${layers} layers`, { layers }]),
    ['dropout 0.05', { dropout: 0.05 }],
  ];
  for (const [name, changes] of variants) rows[name] = await measure({ ...main, ...changes }, GROWTH_STEPS, false);
}

console.table(Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, toRow(row)])));
console.log(
  `share of the matrix-product rate ${(headline.shareOfMatrixRate * 100).toFixed(1)} % (target ≥ ${TARGET_SHARE * 100}), ` +
    `memory beyond the mapped weights ${(headline.peakMemoryBytes / 1e9).toFixed(2)} GB (target ≤ ${TARGET_MEMORY_BYTES / 1e9})`,
);
if (headline.pytorchRatio !== null)
  console.log(
    `${headline.pytorchRatio.toFixed(2)} × PyTorch's ${headline.pytorchTokensPerSecond?.toFixed(1)} tokens/s, ${headline.pytorchRatioByCpuTime?.toFixed(2)} × by CPU time (target ≥ ${TARGET_PYTORCH_RATIO}); ` +
      `loss and gradient norm differ by ${headline.pytorchDifference?.toExponential(1)} at most`,
  );
const isWithinTargets =
  headline.shareOfMatrixRate >= TARGET_SHARE &&
  headline.peakMemoryBytes <= TARGET_MEMORY_BYTES &&
  (headline.pytorchRatio ?? Number.POSITIVE_INFINITY) >= TARGET_PYTORCH_RATIO;
if (flags.json) console.log(JSON.stringify({ ...headline, growth: rows, isWithinTargets }));
process.exitCode = isWithinTargets ? 0 : 1;
