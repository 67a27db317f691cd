import { createRandom } from '../train/random.ts';

/**
 * DARE: every value of an update is dropped by chance and those that stay are rescaled, so that the sum keeps its expectation
 * while parts touch fewer positions in common.
 * @see Yu, Yu, Yu, Huang, Li, "Language Models are Super Mario: Absorbing Abilities from Homologous Models as a Free Lunch",
 * ICML 2024 (first published 2023)
 * @param streams a random stream for each part
 * @returns the combination of the next stretch of values; stretches are asked for in order
 */
export function createDropAndRescale(
  streams: readonly (readonly number[])[],
  keptShare: number,
): (parts: readonly Float32Array[]) => Float32Array {
  const randoms = streams.map((stream) => createRandom(...stream));
  return (parts) => {
    const combined = new Float32Array(parts[0]?.length ?? 0);
    for (const [part, values] of parts.entries()) {
      const random = randoms[part];
      if (!random) throw new RangeError(`part ${part} has no random stream`);
      for (let i = 0; i < combined.length; i++)
        if (random() < keptShare) combined[i] = (combined[i] ?? 0) + (values[i] ?? 0) / keptShare;
    }
    return combined;
  };
}
