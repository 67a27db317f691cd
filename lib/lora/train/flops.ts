import { type DecoderConfig, nameTensor, sizeOfModule, targetModules } from '../architectures/architecture.ts';
import type { Recomputed } from '../graph/decoder.ts';
import type { LoraConfig } from './train-config.ts';

/** Sizes of one run of the graph. */
export interface RunSize {
  readonly tokens: number;
  /** Tokens that are predicted. */
  readonly targets: number;
}

/** A product with a frozen matrix: x·Wᵀ for x [rows, inputs], and g·W where a gradient flows on below it. */
export interface FrozenProduct {
  /** Name of W, [outputs, inputs]. */
  readonly weight: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly rows: number;
  readonly hasBackward: boolean;
}

const isAttentionInput = (module: string) => module === 'q_proj' || module === 'k_proj' || module === 'v_proj';

const countAdapted = (config: DecoderConfig, lora: LoraConfig) =>
  Math.min(lora.topLayers ?? config.layerCount, config.layerCount);

/** Rows that a module of a layer works on: after the last attention only those that predict go on. */
function countRows(config: DecoderConfig, layer: number, module: string, { tokens, targets }: RunSize): number {
  return layer === config.layerCount - 1 && !isAttentionInput(module) ? targets : tokens;
}

/**
 * The matrix products that no training step of the frozen base can do without, in the order of the forward pass. Below the
 * lowest adapted layer there is no gradient.
 */
export function listFrozenProducts(config: DecoderConfig, lora: LoraConfig, run: RunSize): readonly FrozenProduct[] {
  const lowest = config.layerCount - countAdapted(config, lora);
  const blocks = Array.from({ length: config.layerCount }, (_, layer) =>
    targetModules.map(
      (module): FrozenProduct => ({
        weight: nameTensor(layer, module),
        ...sizeOfModule(config, module),
        rows: countRows(config, layer, module, run),
        hasBackward: layer > lowest || (layer === lowest && !isAttentionInput(module)),
      }),
    ),
  );
  const head: FrozenProduct = {
    weight: config.hasTiedHead ? 'token_embd.weight' : 'output.weight',
    inputs: config.hiddenSize,
    outputs: config.vocabularySize,
    rows: run.targets,
    hasBackward: true,
  };
  return [...blocks.flat(), head];
}

/** Σ 2·rows·inputs·outputs, a multiply-add counted as two, twice where the gradient flows back through the matrix. */
export function countFrozenFlops(products: readonly FrozenProduct[]): number {
  return products.reduce(
    (sum, { rows, inputs, outputs, hasBackward }) => sum + 2 * rows * inputs * outputs * (hasBackward ? 2 : 1),
    0,
  );
}

/** Bands of queries meet the keys up to their last query only: (1 + 2 + 3 + 4) / 16 of the square. */
const BAND_SHARE = 5 / 8;
/** Products of T × T × size and head: two forward; backward four, and one more where probabilities are made again. */
const ATTENTION_FORWARD = 2;
const ATTENTION_BACKWARD = { nothing: 4, probabilities: 5, blocks: 4 } as const satisfies Record<Recomputed, number>;

/**
 * Floating-point operations of the matrix products of one run. Beside the frozen products: the factors, 2·rows·rank·(inputs +
 * outputs) forward and twice that backward; attention; and, where blocks are computed again, their forward pass once more.
 */
export function countFlops(config: DecoderConfig, lora: LoraConfig, run: RunSize, recomputed: Recomputed): number {
  const lowest = config.layerCount - countAdapted(config, lora);
  const products = listFrozenProducts(config, lora, run);
  const attention = 2 * run.tokens ** 2 * config.headCount * config.headSize * BAND_SHARE;
  let flops = countFrozenFlops(products);
  for (let layer = 0; layer < config.layerCount; layer++) {
    flops += ATTENTION_FORWARD * attention;
    if (layer < lowest) continue;
    flops += ATTENTION_BACKWARD[recomputed] * attention;
    const factors = lora.modules.reduce((sum, module) => {
      const { inputs, outputs } = sizeOfModule(config, module);
      return sum + 2 * countRows(config, layer, module, run) * lora.rank * (inputs + outputs);
    }, 0);
    flops += 3 * factors;
    if (recomputed !== 'blocks') continue;
    const forward = products.filter(({ weight }) => weight.startsWith(`blk.${layer}.`));
    flops += factors + ATTENTION_FORWARD * attention;
    flops += countFrozenFlops(forward.map((product) => ({ ...product, hasBackward: false })));
  }
  return flops;
}
