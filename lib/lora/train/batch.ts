import type { DecoderConfig } from '../architectures/architecture.ts';
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
 * not depend on its neighbours.
 * @param frequencyFactors as in {@link createRotaryTables}
 */
export function buildBatch(
  config: DecoderConfig,
  examples: readonly TokenizedText[],
  frequencyFactors: Float32Array | null,
): Batch {
  const count = examples.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const tokens = new Int32Array(count);
  const positions: number[] = [];
  const mask = new Float32Array(count * count).fill(BLOCKED);
  const rows: number[] = [];
  const targets: number[] = [];
  const exampleOfRow: number[] = [];
  let start = 0;
  for (const [index, example] of examples.entries()) {
    tokens.set(example.tokens, start);
    for (let i = 0; i < example.tokens.length; i++) {
      positions.push(i);
      const row = (start + i) * count + start;
      mask.fill(0, row, row + i + 1);
      const next = example.tokens[i + 1];
      if (next === undefined || example.isLearned[i + 1] !== 1) continue;
      rows.push(start + i);
      targets.push(next);
      exampleOfRow.push(index);
    }
    start += example.tokens.length;
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
