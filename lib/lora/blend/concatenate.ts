import type { LoraAdapter, LoraFactors } from '../adapter/adapter.ts';
import type { AlignedLayer, PartUpdate } from './align-parts.ts';

/** Columns of all B side by side, each multiplied by its factor. @returns [outputs, sum of ranks] */
function joinUp(parts: readonly { readonly factors: LoraFactors; readonly factor: number }[]): Float32Array {
  const rank = parts.reduce((sum, { factors }) => sum + factors.rank, 0);
  const outputs = (parts[0]?.factors.up.length ?? 0) / (parts[0]?.factors.rank ?? 1);
  const joined = new Float32Array(outputs * rank);
  let first = 0;
  for (const { factors, factor } of parts) {
    for (let row = 0; row < outputs; row++)
      for (let k = 0; k < factors.rank; k++)
        joined[row * rank + first + k] = factor * (factors.up[row * factors.rank + k] ?? 0);
    first += factors.rank;
  }
  return joined;
}

function joinDown(parts: readonly LoraFactors[]): Float32Array {
  const joined = new Float32Array(parts.reduce((sum, { down }) => sum + down.length, 0));
  let at = 0;
  for (const { down } of parts) {
    joined.set(down, at);
    at += down.length;
  }
  return joined;
}

/**
 * The weighted sum of updates, exactly: [B₁ B₂ …]·[A₁; A₂; …]. Every reader multiplies a tensor by alpha / its own rank, and
 * the ranks of the sum differ from those of the parts and, where the parts adapt different layers, from layer to layer; B makes
 * up for it. With alpha as the sum of the parts' alphas, parts of one shape and weight 1 stay as they are to the bit.
 * @param layers at least one
 */
export function concatenateUpdates(architecture: string, layers: readonly AlignedLayer[]): LoraAdapter {
  const alphas = new Map(layers.flatMap(({ updates }) => updates.map(({ part, alpha }) => [part, alpha] as const)));
  const alpha = [...alphas.values()].reduce((sum, own) => sum + own, 0);
  return {
    architecture,
    alpha,
    factors: layers.map(({ layer, module, updates }) => {
      const rank = updates.reduce((sum, { factors }) => sum + factors.rank, 0);
      // weight · alpha of the part / rank of the part, over alpha / rank of the sum.
      const factorOf = (update: PartUpdate) => update.weight * ((update.alpha * rank) / (alpha * update.factors.rank));
      return {
        layer,
        module,
        rank,
        down: joinDown(updates.map(({ factors }) => factors)),
        up: joinUp(updates.map((update) => ({ factors: update.factors, factor: factorOf(update) }))),
      };
    }),
  };
}
