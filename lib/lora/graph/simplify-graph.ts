import type { Dimension, OnnxGraph, OnnxNode } from './encode-onnx.ts';

/** Leave out nodes that no output depends on. */
export function dropUnread(nodes: readonly OnnxNode[], outputs: OnnxGraph['outputs']): readonly OnnxNode[] {
  const needed = new Set(outputs.map(({ name }) => name));
  const kept: OnnxNode[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    for (const input of node.inputs) needed.add(input);
    kept.push(node);
  }
  return kept.toReversed();
}

/** Outputs are made under the name that they are given out by, where nothing renames two values to one. */
export function nameOutputs(nodes: readonly OnnxNode[]): readonly OnnxNode[] {
  const made = new Set(nodes.flatMap(({ outputs }) => outputs));
  const names = new Map<string, string>();
  const kept = nodes.filter(({ operator, inputs: [from], outputs: [to] }) => {
    if (operator !== 'Identity' || from === undefined || to === undefined) return true;
    if (!made.has(from) || names.has(from)) return true;
    names.set(from, to);
    return false;
  });
  const rename = (name: string) => names.get(name) ?? name;
  return kept.map((node) => ({ ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) }));
}

const hasEqualShape = (a: readonly Dimension[] | undefined, b: readonly Dimension[] | undefined) =>
  a !== undefined && b !== undefined && a.length === b.length && a.every((size, i) => size === b[i]);

/** A sum that alone reads a matrix product becomes a part of it: `Gemm` adds a third matrix as it goes. */
export function foldSums(
  nodes: readonly OnnxNode[],
  shapes: ReadonlyMap<string, readonly Dimension[]>,
): readonly OnnxNode[] {
  const reads = new Map<string, number>();
  for (const { inputs } of nodes) for (const name of inputs) reads.set(name, (reads.get(name) ?? 0) + 1);
  const products = new Map<string, OnnxNode>();
  const folded = new Set<OnnxNode>();
  const kept = nodes.map((node) => {
    if (node.operator === 'Gemm') for (const name of node.outputs) products.set(name, node);
    const [a, b] = node.inputs;
    if (node.operator !== 'Add' || a === undefined || b === undefined) return node;
    for (const [from, other] of [
      [b, a],
      [a, b],
    ] as const) {
      const product = products.get(from);
      if (product?.inputs.length !== 2 || reads.get(from) !== 1 || !hasEqualShape(shapes.get(a), shapes.get(b)))
        continue;
      folded.add(product);
      const sum = { ...product, inputs: [...product.inputs, other], outputs: node.outputs };
      for (const name of node.outputs) products.set(name, sum);
      return sum;
    }
    return node;
  });
  return kept.filter((node) => !folded.has(node));
}
