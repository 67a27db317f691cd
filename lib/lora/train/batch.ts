import type { DecoderConfig } from '../architectures/architecture.ts';
import { layExamples } from '../data/shared-prefix.ts';
import type { TokenizedText } from '../data/tokenizer.ts';
import { createRotaryTables } from '../graph/rotary.ts';

/** Below every score that a model gives: its exponential is 0 in f32. */
const BLOCKED = -1e9;

/** One run of the graph: T tokens of one or more examples side by side, L of which are to be predicted. */
export interface Batch {
  /** [T] */
  readonly tokens: Int32Array;
  /** [T, headSize] */
  readonly cos: Float32Array;
  /** [T, headSize] */
  readonly sin: Float32Array;
  /** [T, T]: 0 where a row may look, else a large negative number. An example sees itself only. */
  readonly mask: Float32Array;
  /** [L]; the position that predicts. */
  readonly rows: Int32Array;
  /** [L]; the token that follows it. */
  readonly targets: Int32Array;
  /** [L]; index into the batch's examples. */
  readonly exampleOfRow: Int32Array;
}

/** Tokens of an example that are predicted; the first one has nothing before it. */
export function countTargets({ isLearned }: TokenizedText): number {
  let count = 0;
  for (let i = 1; i < isLearned.length; i++) count += isLearned[i] ?? 0;
  return count;
}

/**
 * Lay examples side by side. Positions start at 0 in each, and the mask keeps them apart, so the result for one example does
 * not depend on its neighbours. What several begin with is laid once and seen by each of them.
 * @param frequencyFactors as in {@link createRotaryTables}
 */
export function buildBatch(
  config: DecoderConfig,
  examples: readonly TokenizedText[],
  frequencyFactors: Float32Array | null,
): Batch {
  const { places, tokenCount: count } = layExamples(examples);
  const tokens = new Int32Array(count);
  const positions: number[] = [];
  const mask = new Float32Array(count * count).fill(BLOCKED);
  const rows: number[] = [];
  const targets: number[] = [];
  const exampleOfRow: number[] = [];
  for (const [index, { example, start, sharedStart, sharedTokens }] of places.entries()) {
    tokens.set(example.tokens.subarray(sharedTokens), start);
    for (let i = sharedTokens; i < example.tokens.length; i++) {
      positions.push(i);
      const place = start + i - sharedTokens;
      mask.fill(0, place * count + sharedStart, place * count + sharedStart + sharedTokens);
      mask.fill(0, place * count + start, place * count + place + 1);
      const next = example.tokens[i + 1];
      if (next === undefined || example.isLearned[i + 1] !== 1) continue;
      rows.push(place);
      targets.push(next);
      exampleOfRow.push(index);
    }
  }
  const { cos, sin } = createRotaryTables(config, positions, frequencyFactors);
  return {
    tokens,
    cos,
    sin,
    mask,
    rows: Int32Array.from(rows),
    targets: Int32Array.from(targets),
    exampleOfRow: Int32Array.from(exampleOfRow),
  };
}
