import type { LoraAdapter, LoraFactors } from '../adapter/adapter.ts';
import { nameTensor, type TargetModule, targetModules } from '../architectures/architecture.ts';
import { invalidBlend } from './blend-error.ts';

export interface BlendPart {
  readonly adapter: LoraAdapter;
  /** Factor of the adapter's whole update: 1 as trained, 0 not at all, negative to take it away. */
  readonly weight: number;
}

interface LayerSizes {
  readonly inputs: number;
  readonly outputs: number;
}

/** What one part does to a layer: scale · B·A. */
export interface PartUpdate {
  /** Position of the part in the list that was given. */
  readonly part: number;
  readonly factors: LoraFactors;
  readonly alpha: number;
  readonly weight: number;
  /** weight · alpha / rank. */
  readonly scale: number;
}

/** One adapted layer of the base. */
export interface AlignedLayer extends LayerSizes {
  readonly layer: number;
  readonly module: TargetModule;
  /** Of the parts that adapt it, at least one, in the order given. */
  readonly updates: readonly PartUpdate[];
}

function checkParts(parts: readonly BlendPart[]): void {
  const [first] = parts;
  if (!first) throw invalidBlend('there are none');
  const bases = new Set(parts.flatMap(({ adapter }) => adapter.trainedOn?.baseSha256 ?? []));
  if (bases.size > 1) throw invalidBlend(`they were trained on different bases (SHA-256 ${[...bases].join(' and ')})`);
  for (const [i, { adapter, weight }] of parts.entries()) {
    if (!Number.isFinite(weight)) throw invalidBlend(`the weight of number ${i + 1} is ${weight}, expected a number`);
    if (adapter.architecture !== first.adapter.architecture)
      throw invalidBlend(
        `number ${i + 1} is for the architecture ${adapter.architecture}, the first for ${first.adapter.architecture}`,
      );
  }
  if (parts.every(({ weight }) => weight === 0)) throw invalidBlend('all weights are 0');
}

/** Layers of one kind have the same sizes all over a base. */
function createSizeCheck(): (part: number, factors: LoraFactors) => LayerSizes {
  const sizes = new Map<TargetModule, LayerSizes>();
  return (part, { layer, module, rank, down, up }) => {
    const found = { inputs: down.length / rank, outputs: up.length / rank };
    const known = sizes.get(module) ?? found;
    sizes.set(module, known);
    if (known.inputs === found.inputs && known.outputs === found.outputs) return found;
    const name = nameTensor(layer, module);
    throw invalidBlend(
      `they belong to different bases: ${name} of number ${part + 1} turns ${found.inputs} values into ${found.outputs}, elsewhere ${known.inputs} into ${known.outputs}`,
      { name },
    );
  };
}

const placeOf = ({ layer, module }: AlignedLayer) => layer * targetModules.length + targetModules.indexOf(module);

/**
 * Lay adapters of one base side by side, layer by layer, in the order of the base. Parts of weight 0 are checked like the
 * others and then left out.
 * @throws AppError `blend.invalid`: no parts, a weight that is no number, all weights 0, adapters of different bases
 */
export function alignParts(parts: readonly BlendPart[]): readonly AlignedLayer[] {
  checkParts(parts);
  const checkSizes = createSizeCheck();
  const layers = new Map<string, AlignedLayer>();
  for (const [part, { adapter, weight }] of parts.entries())
    for (const factors of adapter.factors) {
      const sizes = checkSizes(part, factors);
      if (weight === 0) continue;
      const { layer, module, rank } = factors;
      const name = nameTensor(layer, module);
      const earlier = layers.get(name)?.updates ?? [];
      const update = { part, factors, alpha: adapter.alpha, weight, scale: (weight * adapter.alpha) / rank };
      layers.set(name, { layer, module, ...sizes, updates: [...earlier, update] });
    }
  return [...layers.values()].toSorted((a, b) => placeOf(a) - placeOf(b));
}
