import type { LoraFactors } from '../adapter/adapter.ts';
import type { Matrix, MatrixProduct } from '../matrix/multiply.ts';
import type { AlignedLayer, PartUpdate } from './align-parts.ts';

type ScaledFactors = Pick<PartUpdate, 'factors' | 'scale'>;
type LayerSizes = Pick<AlignedLayer, 'inputs' | 'outputs'>;

/** Values of an update that are worked on at a time. */
const BLOCK_VALUES = 1024 * 1024;

/** Combines the updates of a layer's parts, value by value. @param parts as many stretches as the layer has updates */
export type CombineRows = (parts: readonly Float32Array[], firstRow: number) => Float32Array;

async function multiplyRows(
  product: MatrixProduct,
  { factors, scale }: ScaledFactors,
  inputs: number,
  firstRow: number,
  rows: number,
): Promise<Float32Array> {
  const { rank, down, up } = factors;
  const upRows = up.subarray(firstRow * rank, (firstRow + rows) * rank).map((value) => value * scale);
  const left = { rows, columns: rank, values: upRows };
  return (await product.multiply(left, { rows: rank, columns: inputs, values: down })).values;
}

/** Blocks of rows of some parts' updates, side by side. */
async function* readBlocks(product: MatrixProduct, { inputs, outputs }: LayerSizes, updates: readonly ScaledFactors[]) {
  const step = Math.max(1, Math.floor(BLOCK_VALUES / inputs));
  for (let firstRow = 0; firstRow < outputs; firstRow += step) {
    const rows = Math.min(step, outputs - firstRow);
    const parts: Float32Array[] = [];
    for (const update of updates) parts.push(await multiplyRows(product, update, inputs, firstRow, rows));
    yield { firstRow, parts };
  }
}

/** scale · B·A of one part, [outputs, inputs]. */
export async function formUpdate(product: MatrixProduct, layer: AlignedLayer, update: PartUpdate): Promise<Matrix> {
  const values = new Float32Array(layer.outputs * layer.inputs);
  for await (const { firstRow, parts } of readBlocks(product, layer, [update]))
    for (const part of parts) values.set(part, firstRow * layer.inputs);
  return { rows: layer.outputs, columns: layer.inputs, values };
}

/** The combination of all parts of a layer, [outputs, inputs]. Besides the result, only blocks of rows are in memory. */
export async function combineUpdates(
  product: MatrixProduct,
  layer: AlignedLayer,
  combine: CombineRows,
): Promise<Matrix> {
  const values = new Float32Array(layer.outputs * layer.inputs);
  for await (const { firstRow, parts } of readBlocks(product, layer, layer.updates))
    values.set(combine(parts, firstRow), firstRow * layer.inputs);
  return { rows: layer.outputs, columns: layer.inputs, values };
}

/** ‖dense − scale · B·A‖² and ‖dense‖², measured value by value. */
export async function measureDistance(
  product: MatrixProduct,
  dense: Matrix,
  factors: LoraFactors,
  scale: number,
): Promise<{ readonly errorSquares: number; readonly updateSquares: number }> {
  let errorSquares = 0;
  let updateSquares = 0;
  const layer = { inputs: dense.columns, outputs: dense.rows };
  for await (const { firstRow, parts } of readBlocks(product, layer, [{ factors, scale }])) {
    const [approximation = new Float32Array()] = parts;
    const offset = firstRow * dense.columns;
    for (let i = 0; i < approximation.length; i++) {
      const value = dense.values[offset + i] ?? 0;
      errorSquares += (value - (approximation[i] ?? 0)) ** 2;
      updateSquares += value * value;
    }
  }
  return { errorSquares, updateSquares };
}
