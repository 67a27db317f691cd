import type { OnnxGraph, OnnxNode } from './encode-onnx.ts';

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
