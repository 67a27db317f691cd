import type { DecoderConfig } from '../architectures/architecture.ts';
import { viewAs } from './operations.ts';
import type { Tape, Value } from './tape.ts';

type RotaryConfig = Pick<DecoderConfig, 'headSize' | 'rotarySize' | 'rotaryPairs'>;

/** Rotary position embedding, and the turn back, of [T, heads · headSize]. */
export interface Rotary {
  readonly turn: (x: Value) => Value;
  readonly turnBack: (x: Value) => Value;
}

/** The two elements of a head that are turned together. */
export function pairElements({ rotarySize, rotaryPairs }: RotaryConfig, pair: number): readonly [number, number] {
  return rotaryPairs === 'neighbours' ? [2 * pair, 2 * pair + 1] : [pair, pair + rotarySize / 2];
}

/**
 * R with x·R turning each rotary pair (a, b) of a head into (−b, a): [headSize, headSize] of 0 and ±1. Elements beyond the
 * rotary part give 0, and their sine is 0 as well.
 */
export function createQuarterTurn(config: RotaryConfig): Float32Array {
  const { headSize, rotarySize } = config;
  const turn = new Float32Array(headSize * headSize);
  for (let pair = 0; pair < rotarySize / 2; pair++) {
    const [first, second] = pairElements(config, pair);
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
  config: RotaryConfig & Pick<DecoderConfig, 'rotaryBase' | 'rotaryScale'>,
  positions: readonly number[],
  frequencyFactors: Float32Array | null,
): { readonly cos: Float32Array; readonly sin: Float32Array } {
  const { headSize, rotarySize } = config;
  const cos = new Float32Array(positions.length * headSize).fill(1);
  const sin = new Float32Array(positions.length * headSize);
  for (const [row, position] of positions.entries()) {
    for (let pair = 0; pair < rotarySize / 2; pair++) {
      const frequency = config.rotaryBase ** ((-2 * pair) / rotarySize) / (frequencyFactors?.[pair] ?? 1);
      const angle = (position / config.rotaryScale) * frequency;
      for (const element of pairElements(config, pair)) {
        cos[row * headSize + element] = Math.cos(angle);
        sin[row * headSize + element] = Math.sin(angle);
      }
    }
  }
  return { cos, sin };
}

/** One node of ONNX Runtime, which reads one cosine a pair and knows f32 alone. */
function createFusedRotary(tape: Tape, config: RotaryConfig, cos: Value, sin: Value): Rotary {
  const { headSize, rotarySize, rotaryPairs } = config;
  const pairs = rotarySize / 2;
  const isInterleaved = rotaryPairs === 'neighbours';
  const onePerPair = (table: Value) => {
    const bounds = [[0], [isInterleaved ? rotarySize : pairs], [2], [isInterleaved ? 2 : 1]];
    const half = tape.addNode(
      'Slice',
      [table, ...bounds.map((values) => tape.addIndexConstant(values))],
      [...table.shape.slice(0, 2), pairs],
    );
    return viewAs(tape, half, [...table.shape.slice(0, 1), pairs]);
  };
  const cosines = onePerPair(cos);
  const sines = onePerPair(sin);
  const inverseSines = tape.addNode('Neg', [sines], sines.shape);
  const firstPosition = tape.addIndexConstant([0]);
  const apply = (x: Value, ownSines: Value) => {
    const batch = tape.addNode('Unsqueeze', [x, tape.addIndexConstant([0])], [1, ...x.shape]);
    const turned = tape.addNode('RotaryEmbedding', [batch, firstPosition, cosines, ownSines], batch.shape, {
      interleaved: isInterleaved ? 1 : 0,
      num_heads: Number(x.shape[1]) / headSize,
      rotary_embedding_dim: rotarySize,
    });
    return viewAs(tape, turned, x.shape);
  };
  return { turn: (x) => apply(x, sines), turnBack: (x) => apply(x, inverseSines) };
}

/** x ∘ cos + (x·R) ∘ sin, head by head. */
function createPlainRotary(tape: Tape, config: RotaryConfig, cos: Value, sin: Value): Rotary {
  const { headSize } = config;
  const turn = createQuarterTurn(config);
  const square = [headSize, headSize];
  const quarterTurn = tape.addConstant(turn, square);
  const inverseTurn = tape.addConstant(
    turn.map((value) => -value),
    square,
  );
  const apply = (x: Value, matrix: Value) => {
    const heads = viewAs(tape, x, [...x.shape.slice(0, 1), Number(x.shape[1]) / headSize, headSize]);
    const straight = tape.addNode('Mul', [heads, cos], heads.shape);
    const turned = tape.addNode('Mul', [tape.addNode('MatMul', [heads, matrix], heads.shape), sin], heads.shape);
    return viewAs(tape, tape.addNode('Add', [straight, turned], heads.shape), x.shape);
  };
  return { turn: (x) => apply(x, quarterTurn), turnBack: (x) => apply(x, inverseTurn) };
}

/**
 * @param cos [T, 1, headSize], the same for both elements of a pair; `sin` likewise
 * @see Su et al., "RoFormer", 2021
 */
export function createRotary(tape: Tape, config: RotaryConfig, cos: Value, sin: Value): Rotary {
  return tape.precision === 'float32'
    ? createFusedRotary(tape, config, cos, sin)
    : createPlainRotary(tape, config, cos, sin);
}

/** Turned by the position; the gradient turns back, as the inverse of a rotation is its transpose. */
export function rotate(tape: Tape, x: Value, rotary: Rotary): Value {
  return tape.record(rotary.turn(x), [x], (g) => [rotary.turnBack(g)]);
}
