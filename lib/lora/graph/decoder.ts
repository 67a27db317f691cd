import { type DecoderConfig, nameTensor, type TargetModule } from '../architectures/architecture.ts';
import { attend, createBands } from './attention.ts';
import {
  add,
  linear,
  normalise,
  reshape,
  scale,
  shift,
  splitColumns,
  stackRows,
  swiGlu,
  takeRows,
} from './operations.ts';
import { createRotary, rotate } from './rotary.ts';
import type { Tape, Value } from './tape.ts';

/** Low-rank factors beside one frozen weight: y = x·Wᵀ + factor · (x·Aᵀ)·Bᵀ. */
export interface AdapterPair {
  /** A, [rank, inputs] */
  readonly down: Value;
  /** B, [outputs, rank] */
  readonly up: Value;
  /** alpha / rank, or alpha / √rank when rank-stabilised. */
  readonly factor: number;
}

/** What the linear layers of a block read, with those that read it. */
export const adapterInputs = {
  attention: ['q_proj', 'k_proj', 'v_proj'],
  heads: ['o_proj'],
  feedForward: ['gate_proj', 'up_proj'],
  gated: ['down_proj'],
} as const satisfies Readonly<Record<string, readonly TargetModule[]>>;
export type AdapterInput = keyof typeof adapterInputs;

/** What the decoder is built from; where the values come from is the caller's business. */
export interface DecoderParts {
  /** A frozen tensor by its name in the GGUF file; matrices are [outputs, inputs]. */
  readonly weight: (name: string) => Value;
  readonly adapter: (layer: number, module: TargetModule) => AdapterPair | undefined;
  /** Applied to the input of A, once for all layers that read it; null without dropout. The same when called again. */
  readonly dropOut: ((x: Value, layer: number, input: AdapterInput) => Value) | null;
}

/** Values that each run gives: all lengths are T, the tokens of all packed examples together. */
export interface DecoderInputs {
  /** [T] */
  readonly tokens: Value;
  /** [T, 1, headSize] */
  readonly cos: Value;
  /** [T, 1, headSize] */
  readonly sin: Value;
  /** [T, T]: 0 where the row may look at the column, else, and always above the diagonal, a large negative number. */
  readonly mask: Value;
  /** Positions whose states are wanted, [L]. */
  readonly rows: Value;
}

/**
 * What the backward pass computes again instead of keeping it: the attention's probabilities, whose memory grows with the
 * square of the length, or everything between the blocks, which costs about another forward pass.
 */
export type Recomputed = 'nothing' | 'probabilities' | 'blocks';

/** Embedding, blocks and final norm: the hidden states [L, hiddenSize] that the head reads. */
export function buildDecoder(
  tape: Tape,
  config: DecoderConfig,
  parts: DecoderParts,
  inputs: DecoderInputs,
  recomputed: Recomputed,
): Value {
  const { headCount, headSize, hiddenSize, keyValueHeadCount, normEpsilon } = config;
  const attentionShape = { keyValueHeadCount, headSize, groupSize: headCount / keyValueHeadCount };
  const rotary = createRotary(tape, config, inputs.cos, inputs.sin);
  const bands = createBands(tape, inputs.mask, attentionShape);

  /** x·Aᵀ of every adapter that reads x; A's columns are scaled by `weight` where x is still without the norm's weight. */
  const readLow = (x: Value, weight: Value | null, layer: number, input: AdapterInput): Map<TargetModule, Value> => {
    const adapted = adapterInputs[input].flatMap((module) => {
      const pair = parts.adapter(layer, module);
      return pair ? [{ module, down: pair.down, rank: Number(pair.down.shape[0]) }] : [];
    });
    if (adapted.length === 0) return new Map();
    const stack = stackRows(
      tape,
      adapted.map(({ down }) => down),
    );
    const down = weight ? scale(tape, stack, weight) : stack;
    const { dropOut } = parts;
    const low = dropOut
      ? tape.recompute([x], ([again = x]) => linear(tape, dropOut(again, layer, input), down))
      : linear(tape, x, down);
    const lows = splitColumns(
      tape,
      low,
      adapted.map(({ rank }) => rank),
    );
    return new Map(lows.flatMap((value, i) => (adapted[i] ? [[adapted[i].module, value]] : [])));
  };

  /**
   * The linear layers that read one input.
   * @param weight of the norm before them, null for none; the frozen layers read x ∘ weight, which nothing has to keep
   */
  const readInput = (x: Value, weight: Value | null, layer: number, input: AdapterInput) => {
    const lows = readLow(x, weight, layer, input);
    const weighted = weight ? scale(tape, x, weight) : x;
    return (module: TargetModule): Value => {
      const frozen = linear(tape, weighted, parts.weight(nameTensor(layer, module)));
      const low = lows.get(module);
      const pair = parts.adapter(layer, module);
      return low && pair ? add(tape, frozen, linear(tape, low, pair.up, pair.factor)) : frozen;
    };
  };

  const normaliseHeads = (x: Value, weight: Value): Value => {
    const heads = reshape(tape, x, [...x.shape.slice(0, 1), Number(x.shape[1]) / headSize, headSize]);
    return reshape(tape, scale(tape, normalise(tape, heads, normEpsilon), weight), x.shape);
  };

  const attendBlock = (stream: Value, layer: number): Value => {
    const normal = normalise(tape, stream, normEpsilon);
    const project = readInput(normal, parts.weight(`blk.${layer}.attn_norm.weight`), layer, 'attention');
    const projectHeads = (module: 'q_proj' | 'k_proj' | 'v_proj'): Value => {
      const tensor = nameTensor(layer, module);
      const flat = project(module);
      const biased = config.hasAttentionBias
        ? shift(tape, flat, parts.weight(tensor.replace(/weight$/, 'bias')))
        : flat;
      if (module === 'v_proj') return biased;
      const normed = config.hasHeadNorm
        ? normaliseHeads(biased, parts.weight(tensor.replace(/\.weight$/, '_norm.weight')))
        : biased;
      return rotate(tape, normed, rotary);
    };
    const operands = { q: projectHeads('q_proj'), k: projectHeads('k_proj'), v: projectHeads('v_proj'), bands };
    return attend(tape, operands, attentionShape, recomputed !== 'probabilities');
  };

  const runBlock = (stream: Value, layer: number): Value => {
    const isLast = layer === config.layerCount - 1;
    // What follows the last attention is needed for the wanted positions only.
    const select = (x: Value) => (isLast ? takeRows(tape, x, inputs.rows) : x);
    const heads = select(attendBlock(stream, layer));
    const attended = add(tape, select(stream), readInput(heads, null, layer, 'heads')('o_proj'));
    const normal = normalise(tape, attended, normEpsilon);
    const project = readInput(normal, parts.weight(`blk.${layer}.ffn_norm.weight`), layer, 'feedForward');
    const feed = ([gate, up]: readonly [Value, Value]) =>
      readInput(swiGlu(tape, gate, up), null, layer, 'gated')('down_proj');
    return add(tape, attended, feed([project('gate_proj'), project('up_proj')]));
  };

  const embedding = { ...parts.weight('token_embd.weight'), shape: [config.vocabularySize, hiddenSize] };
  let stream = takeRows(tape, embedding, inputs.tokens);
  for (let layer = 0; layer < config.layerCount; layer++) {
    const [before, own] = [stream, layer];
    stream =
      recomputed === 'blocks'
        ? tape.recompute([before], ([again = before]) => runBlock(again, own))
        : runBlock(before, own);
  }
  return scale(tape, normalise(tape, stream, normEpsilon), parts.weight('output_norm.weight'));
}
