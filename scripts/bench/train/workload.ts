import { Command } from 'commander';
import { describeDataDir } from '#lib/config/data-dir.ts';
import { loadEnv } from '#lib/config/env.ts';
import type { DecoderConfig } from '#lib/lora/architectures/architecture.ts';
import { type BaseWeights, prepareBaseWeights } from '#lib/lora/base/weight-cache.ts';
import { listFactors } from '#lib/lora/graph/training-graph.ts';
import { createRandom } from '#lib/lora/train/random.ts';
import { type LoraConfig, loraConfigSchema } from '#lib/lora/train/train-config.ts';
import { resolveBase } from '../../lora/resolve-base.ts';

/** What every peer is started with; one training step means the same to all of them. */
export interface WorkloadFlags {
  readonly base: string | undefined;
  readonly sequence: number;
  readonly rank: number;
  /** Uppermost layers that are adapted; null for all. */
  readonly layers: number | null;
  readonly dropout: number;
  readonly threads: number;
}

export interface Workload {
  readonly config: DecoderConfig;
  readonly lora: LoraConfig;
  readonly weights: BaseWeights;
  readonly threads: number;
  /** Random ones; each but the first is predicted. */
  readonly tokens: Int32Array;
  /** In the order of `listFactors`. None is zero, so that every gradient is worth computing. */
  readonly factors: readonly Float32Array[];
  readonly optimiser: { readonly learningRate: number; readonly weightDecay: number; readonly maxGradientNorm: number };
}

export function toArguments(flags: WorkloadFlags): string[] {
  return Object.entries(flags).flatMap(([name, value]) =>
    value === undefined || value === null ? [] : [`--${name}`, String(value)],
  );
}

export function readFlags(): WorkloadFlags {
  const flags = new Command()
    .option('--base <id or path>')
    .option('--sequence <tokens>', '', Number)
    .option('--rank <number>', '', Number)
    .option('--layers <number>', '', Number)
    .option('--dropout <share>', '', Number)
    .option('--threads <number>', '', Number)
    .parse()
    .opts<{ base?: string; sequence: number; rank: number; layers?: number; dropout: number; threads: number }>();
  return { ...flags, base: flags.base, layers: flags.layers ?? null };
}

/** The base's weights are dequantised first, where the cache does not hold them. */
export async function openWorkload(flags: WorkloadFlags): Promise<Workload> {
  const env = loadEnv();
  const base = await resolveBase(flags.base, env);
  const { config } = base;
  const weights = await prepareBaseWeights(base.path, base.sha256, describeDataDir(env.dataDir).weightCacheDir);
  const lora = loraConfigSchema.parse({ rank: flags.rank, dropout: flags.dropout, topLayers: flags.layers });
  const random = createRandom(1);
  return {
    config,
    lora,
    weights,
    threads: flags.threads,
    tokens: Int32Array.from({ length: flags.sequence }, () => Math.floor(random() * config.vocabularySize)),
    factors: listFactors(config, lora).map(({ shape: [rows, columns] }) =>
      Float32Array.from({ length: rows * columns }, () => (2 * random() - 1) / Math.sqrt(columns)),
    ),
    optimiser: { learningRate: 1e-4, weightDecay: 0, maxGradientNorm: 1 },
  };
}

/** Every token but the first is predicted. */
export const sizeOfRun = ({ tokens }: Workload) => ({ tokens: tokens.length, targets: tokens.length - 1 });
