import type { LoraAdapter } from '../adapter/adapter.ts';
import type { DecoderConfig } from '../architectures/architecture.ts';
import type { FactorSpec } from '../graph/training-graph.ts';
import { createRandom } from './random.ts';
import { type LoraConfig, scaleOf } from './train-config.ts';

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
