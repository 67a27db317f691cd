import { createRandom } from '../train/random.ts';

/** Repeatable numbers between -1 and 1. */
export function createNumbers(seed: number): () => number {
  const random = createRandom(seed);
  return () => 2 * random() - 1;
}

/** Width of the difference; its error in f64 is about the square of it. */
const STEP = 1e-5;
const TOLERANCE = 1e-8;

export interface CheckedParameter {
  readonly name: string;
  /** Fed into every run; changed for a moment, and put back. */
  readonly data: Float64Array;
  readonly gradient: ArrayLike<number | bigint> | undefined;
  /** Elements that are checked. */
  readonly elements: readonly number[];
}

/**
 * Hold gradients against (loss(x + h) − loss(x − h)) / 2h.
 * @param lossOf runs with the parameters as they are
 * @returns what is off by more than 1e-8, relative to 1 or to the difference where that is larger; empty when all is right
 */
export async function findWrongGradients(
  parameters: readonly CheckedParameter[],
  lossOf: () => Promise<number>,
): Promise<string[]> {
  const wrong: string[] = [];
  for (const { name, data, gradient, elements } of parameters) {
    if (gradient?.length !== data.length) wrong.push(`${name} has ${gradient?.length} gradients for ${data.length}`);
    for (const k of elements) {
      const kept = data[k] ?? 0;
      data[k] = kept + STEP;
      const above = await lossOf();
      data[k] = kept - STEP;
      const below = await lossOf();
      data[k] = kept;
      const difference = (above - below) / (2 * STEP);
      const error = Math.abs(Number(gradient?.[k]) - difference);
      // Not a number is no match either.
      if (!(error < TOLERANCE * Math.max(1, Math.abs(difference))))
        wrong.push(`${name}[${k}]: gradient ${String(gradient?.[k])}, difference ${difference}`);
    }
  }
  return wrong;
}
