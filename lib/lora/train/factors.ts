import { invalidAdapter, type LoraAdapter } from '../adapter/adapter.ts';
import { type DecoderConfig, targetModules } from '../architectures/architecture.ts';
import { type FactorSpec, listFactors } from '../graph/training-graph.ts';
import { createRandom } from './random.ts';
import { type LoraConfig, loraConfigSchema, scaleOf } from './train-config.ts';

/** Second word of the names of the random streams. */
const RANDOM_STREAM = 1;

/**
 * A uniform in ±1/√inputs (He et al., 2015, with PEFT's slope √5), B zero: before the first step the adapter changes
 * nothing.
 */
export function initialiseFactors(specs: readonly FactorSpec[], seed: number): readonly Float32Array[] {
  return specs.map(({ part, shape }, i) => {
    const values = new Float32Array(shape[0] * shape[1]);
    if (part === 'up') return values;
    const random = createRandom(seed, RANDOM_STREAM, i);
    const bound = 1 / Math.sqrt(shape[1]);
    for (let k = 0; k < values.length; k++) values[k] = (2 * random() - 1) * bound;
    return values;
  });
}

/** The trained factors as an adapter of the file formats, which scale by alpha / rank. */
export function toAdapter(
  config: DecoderConfig,
  lora: LoraConfig,
  specs: readonly FactorSpec[],
  factors: readonly Float32Array[],
): LoraAdapter {
  return {
    architecture: config.architecture,
    alpha: scaleOf(lora) * lora.rank,
    factors: specs.flatMap(({ layer, module, part }, i) => {
      const [down, up] = [factors[i], factors[i + 1]];
      return part === 'down' && down && up ? [{ layer, module, rank: lora.rank, down, up }] : [];
    }),
  };
}

/** `values` [rows, from] with zeros behind each row up to `to`. */
function widenRows(values: Float32Array, from: number, to: number): Float32Array {
  const widened = new Float32Array((values.length / from) * to);
  for (let row = 0; row * from < values.length; row++)
    widened.set(values.subarray(row * from, (row + 1) * from), row * to);
  return widened;
}

/**
 * Any adapter as factors of one rank for the graph, in the order of `listFactors`: smaller ranks are filled up with zeros,
 * and layers that it leaves alone get a B of zeros.
 * @throws AppError `adapter.invalid` when it adapts no layer
 */
export function conformFactors(
  config: DecoderConfig,
  adapter: LoraAdapter,
): { readonly lora: LoraConfig; readonly factors: readonly Float32Array[] } {
  if (adapter.factors.length === 0) throw invalidAdapter('it adapts no layer');
  const rank = Math.max(...adapter.factors.map((factors) => factors.rank));
  const lora = loraConfigSchema.parse({
    rank,
    alpha: adapter.alpha,
    dropout: 0,
    modules: targetModules.filter((module) => adapter.factors.some((factors) => factors.module === module)),
    topLayers: config.layerCount - Math.min(...adapter.factors.map(({ layer }) => layer)),
  });
  const byPlace = new Map(adapter.factors.map((factors) => [`${factors.layer}.${factors.module}`, factors]));
  const factors = listFactors(config, lora).map(({ layer, module, part, shape }) => {
    const own = byPlace.get(`${layer}.${module}`);
    if (!own) return new Float32Array(shape[0] * shape[1]);
    if (part === 'down') {
      const filled = new Float32Array(shape[0] * shape[1]);
      filled.set(own.down);
      return filled;
    }
    // File formats divide alpha by the rank of each layer, the graph by the rank of all.
    return widenRows(own.up, own.rank, rank).map((value) => (value * rank) / own.rank);
  });
  return { lora, factors };
}
