import type { Dimension } from './encode-onnx.ts';
import type { BuiltGraph } from './tape.ts';

const FLOAT_BYTES = 4;
/** A part of a dimension that the run decides, as `3T/4`. */
const partPattern = /^(\d*)([A-Z])(?:\/(\d+))?$/;
/** Operators whose output is another view of their first input. */
const views = new Set(['Reshape', 'Identity', 'Unsqueeze', 'Squeeze']);

/**
 * Most bytes that a run keeps at once for what its nodes give: every value lives from the node that makes it to the last one
 * that reads it. Inputs and weights are not counted.
 * @param sizes of the dimensions that the run decides, by name (`T`, `L`)
 */
export function estimatePeakBytes(graph: BuiltGraph, sizes: Readonly<Record<string, number>>): number {
  const sizeOf = (dimension: Dimension) => {
    if (typeof dimension === 'number') return dimension;
    const [, numerator, name = '', denominator] = partPattern.exec(dimension) ?? [];
    const size = sizes[name];
    if (size === undefined) throw new RangeError(`the size of the dimension ${dimension} is not given`);
    return Math.ceil((size * Number(numerator || 1)) / Number(denominator ?? 1));
  };
  const owners = new Map<string, string>();
  const ownerOf = (name: string) => owners.get(name) ?? name;
  const lastUse = new Map<string, number>();
  for (const [i, node] of graph.nodes.entries()) {
    for (const input of node.inputs) lastUse.set(ownerOf(input), i);
    const [source] = node.inputs;
    if (source !== undefined && views.has(node.operator))
      for (const output of node.outputs) owners.set(output, ownerOf(source));
  }
  // What is given out lives to the end.
  for (const { name } of graph.outputs) lastUse.delete(ownerOf(name));

  const living = new Map<string, number>();
  let bytes = 0;
  let peak = 0;
  for (const [i, node] of graph.nodes.entries()) {
    for (const output of node.outputs) {
      const shape = graph.shapes.get(output);
      if (!shape || owners.has(output)) continue;
      const size = shape.reduce<number>((product, dimension) => product * sizeOf(dimension), FLOAT_BYTES);
      living.set(output, size);
      bytes += size;
    }
    peak = Math.max(peak, bytes);
    for (const input of node.inputs) {
      const owner = ownerOf(input);
      if (lastUse.get(owner) !== i) continue;
      bytes -= living.get(owner) ?? 0;
      living.delete(owner);
    }
  }
  return peak;
}
