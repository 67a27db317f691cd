import { type DecoderConfig, nameTensor, type TargetModule } from '../architectures/architecture.ts';
import {
  add,
  batchedProduct,
  linear,
  reshape,
  rmsNorm,
  rotate,
  scale,
  shift,
  softmax,
  swiGlu,
  takeRows,
  transpose,
} from './operations.ts';
import type { Tape, Value } from './tape.ts';

/** Low-rank factors beside one frozen weight: y = x·Wᵀ + scaling · (x·Aᵀ)·Bᵀ. */
export interface AdapterPair {
  /** A, [rank, inputs] */
  readonly down: Value;
  /** B, [outputs, rank] */
  readonly up: Value;
  /** alpha / rank, or alpha / √rank when rank-stabilised; a scalar constant. */
  readonly scaling: Value;
}

/** What the decoder is built from; where the values come from is the caller's business. */
export interface DecoderParts {
  /** A frozen tensor by its name in the GGUF file; matrices are [outputs, inputs]. */
  readonly weight: (name: string) => Value;
  readonly adapter: (layer: number, module: TargetModule) => AdapterPair | undefined;
  /** Applied to the input of A; identity when there is no dropout. */
  readonly dropOut: (x: Value, layer: number, module: TargetModule) => Value;
}

/** Values that each run gives: all lengths are T, the tokens of all packed examples together. */
export interface DecoderInputs {
  /** [T] */
  readonly tokens: Value;
  /** [T, 1, headSize] */
  readonly cos: Value;
  /** [T, 1, headSize] */
  readonly sin: Value;
  /**
   * [group·T, T] with the same [T, T] for every query head of a group: 0 where the row may look at the column, else a large
   * negative number.
   */
  readonly mask: Value;
}

/**
 * R with x·R turning each rotary pair (a, b) of a head into (−b, a): [headSize, headSize] of 0 and ±1. Elements beyond the
 * rotary part give 0, and their sine is 0 as well.
 */
export function createQuarterTurn(config: DecoderConfig): Float32Array {
  const { headSize, rotarySize, rotaryPairs } = config;
  const turn = new Float32Array(headSize * headSize);
  for (let pair = 0; pair < rotarySize / 2; pair++) {
    const first = rotaryPairs === 'neighbours' ? 2 * pair : pair;
    const second = rotaryPairs === 'neighbours' ? 2 * pair + 1 : pair + rotarySize / 2;
    turn[second * headSize + first] = -1;
    turn[first * headSize + second] = 1;
  }
  return turn;
}

/**
 * Cosines and sines for `positions`, [positions, headSize] each. The angle of pair i at position p is
 * p / scale · base^(−2i / rotarySize).
 * @param frequencyFactors divisors of the pairs' frequencies (`rope_freqs.weight` of Llama 3); null for none
 */
export function createRotaryTables(
  config: DecoderConfig,
  positions: readonly number[],
  frequencyFactors: Float32Array | null,
): { readonly cos: Float32Array; readonly sin: Float32Array } {
  const { headSize, rotarySize, rotaryPairs } = config;
  const cos = new Float32Array(positions.length * headSize).fill(1);
  const sin = new Float32Array(positions.length * headSize);
  for (const [row, position] of positions.entries()) {
    for (let pair = 0; pair < rotarySize / 2; pair++) {
      const frequency = config.rotaryBase ** ((-2 * pair) / rotarySize) / (frequencyFactors?.[pair] ?? 1);
      const angle = (position / config.rotaryScale) * frequency;
      const first = rotaryPairs === 'neighbours' ? 2 * pair : pair;
      const second = rotaryPairs === 'neighbours' ? 2 * pair + 1 : pair + rotarySize / 2;
      for (const element of [first, second]) {
        cos[row * headSize + element] = Math.cos(angle);
        sin[row * headSize + element] = Math.sin(angle);
      }
    }
  }
  return { cos, sin };
}

/** Embedding, blocks and final norm: the hidden states [T, hiddenSize] that the head reads. */
export function buildDecoder(tape: Tape, config: DecoderConfig, parts: DecoderParts, inputs: DecoderInputs): Value {
  const embedding = parts.weight('token_embd.weight');
  const { headSize, hiddenSize, keyValueHeadCount, normEpsilon } = config;
  const groupSize = config.headCount / keyValueHeadCount;
  const turn = createQuarterTurn(config);
  const quarterTurn = tape.addConstant(turn, [headSize, headSize]);
  const inverseTurn = tape.addConstant(
    turn.map((value) => -value),
    [headSize, headSize],
  );
  const attentionScale = tape.addConstant([1 / Math.sqrt(headSize)]);

  const project = (x: Value, layer: number, module: TargetModule): Value => {
    const frozen = linear(tape, x, parts.weight(nameTensor(layer, module)));
    const adapter = parts.adapter(layer, module);
    if (!adapter) return frozen;
    const low = linear(tape, parts.dropOut(x, layer, module), adapter.down);
    return add(tape, frozen, scale(tape, linear(tape, low, adapter.up), adapter.scaling));
  };

  const projectHeads = (x: Value, layer: number, module: 'q_proj' | 'k_proj' | 'v_proj', headCount: number): Value => {
    const tensor = nameTensor(layer, module);
    const flat = project(x, layer, module);
    const biased = config.hasAttentionBias ? shift(tape, flat, parts.weight(tensor.replace(/weight$/, 'bias'))) : flat;
    const heads = reshape(tape, biased, ['T', headCount, headSize]);
    if (module === 'v_proj') return heads;
    const normed = config.hasHeadNorm
      ? rmsNorm(tape, heads, parts.weight(tensor.replace(/\.weight$/, '_norm.weight')), normEpsilon)
      : heads;
    return rotate(tape, normed, inputs.cos, inputs.sin, quarterTurn, inverseTurn);
  };

  /**
   * Query heads that share a key head are stacked, [keyValueHeads, group·T, size], so that no key or value is repeated.
   */
  const attend = (x: Value, layer: number): Value => {
    const grouped = ['T', keyValueHeadCount, groupSize, headSize];
    const queries = reshape(tape, projectHeads(x, layer, 'q_proj', config.headCount), grouped);
    const stackedShape = [keyValueHeadCount, 'R', headSize];
    const stacked = reshape(tape, transpose(tape, queries, [1, 2, 0, 3]), stackedShape);
    const keys = transpose(tape, projectHeads(x, layer, 'k_proj', keyValueHeadCount), [1, 2, 0]);
    const values = transpose(tape, projectHeads(x, layer, 'v_proj', keyValueHeadCount), [1, 0, 2]);
    const scores = shift(tape, scale(tape, batchedProduct(tape, stacked, keys), attentionScale), inputs.mask);
    const mixed = batchedProduct(tape, softmax(tape, scores), values);
    const unstacked = reshape(tape, mixed, [keyValueHeadCount, groupSize, 'T', headSize]);
    const heads = transpose(tape, unstacked, [2, 0, 1, 3]);
    return project(reshape(tape, heads, ['T', config.headCount * headSize]), layer, 'o_proj');
  };

  let stream = takeRows(tape, { ...embedding, shape: [config.vocabularySize, hiddenSize] }, inputs.tokens);
  for (let layer = 0; layer < config.layerCount; layer++) {
    const attentionInput = rmsNorm(tape, stream, parts.weight(`blk.${layer}.attn_norm.weight`), normEpsilon);
    stream = add(tape, stream, attend(attentionInput, layer));
    const feedInput = rmsNorm(tape, stream, parts.weight(`blk.${layer}.ffn_norm.weight`), normEpsilon);
    const gated = swiGlu(tape, project(feedInput, layer, 'gate_proj'), project(feedInput, layer, 'up_proj'));
    stream = add(tape, stream, project(gated, layer, 'down_proj'));
  }
  return rmsNorm(tape, stream, parts.weight('output_norm.weight'), normEpsilon);
}
