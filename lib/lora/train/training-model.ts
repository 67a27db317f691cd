import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import type { DecoderConfig } from '../architectures/architecture.ts';
import type { BaseWeights } from '../base/weight-cache.ts';
import type { Recomputed } from '../graph/decoder.ts';
import { type Device, openTrainingSession } from '../graph/open-session.ts';
import { countNoiseColumns, encodeTrainingGraph, type GraphOptions, listFactors } from '../graph/training-graph.ts';
import type { Batch } from './batch.ts';
import type { LoraConfig } from './train-config.ts';

export interface ModelOptions {
  readonly config: DecoderConfig;
  /** Null: the base alone. */
  readonly lora: LoraConfig | null;
  readonly weights: BaseWeights;
  readonly threads: number;
  readonly device: Device;
}

/** The base with an adapter's factors as inputs, for validation and scoring: no gradients, no dropout. */
export interface ForwardModel {
  /**
   * @param factors one array for each factor, in the order of `listFactors`; empty without an adapter
   * @returns the loss of every row of the batch, in nats
   */
  computeRowLosses(batch: Batch, factors: readonly Float32Array[]): Promise<Float32Array>;
  close(): Promise<void>;
}

/** The same for training: gradients of all factors, with dropout where the configuration says so. */
export interface TrainingModel {
  /**
   * @param rowWeight what one predicted token adds to the loss; 1 / tokens of the step for a mean over the step
   * @param drawNoise uniform numbers in [0, 1) for dropout; not called without dropout
   * @returns the weighted sum of the rows' losses, and its gradient by each factor
   */
  computeGradients(
    batch: Batch,
    factors: readonly Float32Array[],
    rowWeight: number,
    drawNoise: () => number,
  ): Promise<{ readonly loss: number; readonly gradients: readonly Float32Array[] }>;
  close(): Promise<void>;
}

/** External weights are found beside the model file, so it is written there for the moment of loading. */
async function openGraph(options: ModelOptions, graph: GraphOptions): Promise<InferenceSession> {
  const { config, lora, weights } = options;
  const model = encodeTrainingGraph(config, lora, weights.layout, path.basename(weights.dataFile), graph);
  const file = path.join(path.dirname(weights.dataFile), `graph-${randomUUID()}.onnx`);
  try {
    await writeFile(file, model);
    return await openTrainingSession(file, { threads: options.threads, device: options.device });
  } finally {
    await rm(file, { force: true });
  }
}

const indices = (values: Int32Array) => new Tensor('int64', BigInt64Array.from(values, BigInt), [values.length]);

export function createFeeds(
  config: DecoderConfig,
  batch: Batch,
  names: readonly { readonly name: string; readonly shape: readonly number[] }[],
  factors: readonly Float32Array[],
  rowWeight: number,
): Record<string, Tensor> {
  const count = batch.tokens.length;
  const rotary = [count, 1, config.headSize];
  const feeds: Record<string, Tensor> = {
    tokens: indices(batch.tokens),
    cos: new Tensor('float32', batch.cos, rotary),
    sin: new Tensor('float32', batch.sin, rotary),
    mask: new Tensor('float32', batch.mask, [count, count]),
    rows: indices(batch.rows),
    targets: indices(batch.targets),
    weights: new Tensor('float32', new Float32Array(batch.rows.length).fill(rowWeight), [batch.rows.length]),
  };
  for (const [i, { name, shape }] of names.entries()) {
    const values = factors[i];
    if (!values) throw new RangeError(`${factors.length} factors came; ${names.length} were expected`);
    feeds[name] = new Tensor('float32', values, [...shape]);
  }
  return feeds;
}

function readFloats(result: InferenceSession.ReturnType, name: string): Float32Array {
  const data = result[name]?.data;
  if (data instanceof Float32Array) return data;
  throw new TypeError(`the graph gave no f32 output ${name}`);
}

export async function openForwardModel(options: ModelOptions): Promise<ForwardModel> {
  const session = await openGraph(options, { hasBackward: false });
  const names = options.lora ? listFactors(options.config, options.lora) : [];
  return {
    async computeRowLosses(batch, factors) {
      const result = await session.run(createFeeds(options.config, batch, names, factors, 1), ['perRow']);
      return readFloats(result, 'perRow');
    },
    close: () => session.release(),
  };
}

export async function openTrainingModel(
  options: ModelOptions & { readonly lora: LoraConfig; readonly recomputed: Recomputed },
): Promise<TrainingModel> {
  const session = await openGraph(options, { hasBackward: true, recomputed: options.recomputed });
  const names = listFactors(options.config, options.lora);
  const columns = countNoiseColumns(options.config);
  return {
    async computeGradients(batch, factors, rowWeight, drawNoise) {
      const feeds = createFeeds(options.config, batch, names, factors, rowWeight);
      if (options.lora.dropout > 0) {
        const values = new Float32Array(batch.tokens.length * columns);
        for (let i = 0; i < values.length; i++) values[i] = drawNoise();
        feeds['noise'] = new Tensor('float32', values, [batch.tokens.length, columns]);
      }
      const result = await session.run(feeds);
      return {
        loss: readFloats(result, 'loss')[0] ?? Number.NaN,
        gradients: names.map(({ name }) => readFloats(result, `gradient.${name}`)),
      };
    },
    close: () => session.release(),
  };
}
