import type { Dimension } from './encode-onnx.ts';
import { sumLast, viewAs } from './operations.ts';
import type { Tape, Value } from './tape.ts';

/**
 * Queries are taken in bands, and a band meets the keys up to its last query only: four bands do five eighths of the work of
 * the whole square, and keep five eighths of the probabilities.
 */
const BAND_COUNT = 4;

/** A stretch of queries, and the keys from the first one up to its end. Sizes are of what each run gives, [1]. */
interface Band {
  /** Keys that it meets. */
  readonly keys: Dimension;
  readonly keyCount: Value;
  /** [queries · group, keys] */
  readonly mask: Value;
  /** What fills [keyValueHeads, keys, size] up to all keys. */
  readonly pads: Value;
}

export interface Bands {
  readonly list: readonly Band[];
  /** Rows of each band when the heads of a group are laid side by side: queries · group. */
  readonly sizes: Value;
}

export interface AttentionShape {
  readonly keyValueHeadCount: number;
  /** Query heads that share a key head. */
  readonly groupSize: number;
  readonly headSize: number;
}

/** Name of a part of a size that the run decides; `estimatePeakBytes` reads it. */
const partOf = (size: Dimension, numerator: number, denominator: number) => `${numerator}${size}/${denominator}`;

/** @param mask [T, T]: 0 where the row may look at the column, else, and always above the diagonal, a large negative number */
export function createBands(tape: Tape, mask: Value, { groupSize }: AttentionShape): Bands {
  const numbers = (...values: number[]) => tape.addIndexConstant(values);
  const [count = 1] = mask.shape;
  const total = tape.addNode('Shape', [mask], [1], { start: 0, end: 1 });
  // Band i ends at ⌈T·i / bands⌉.
  const places = Array.from({ length: BAND_COUNT + 1 }, (_, i) => i);
  const scaled = tape.addNode('Mul', [total, numbers(...places)], [places.length]);
  const raised = tape.addNode('Add', [scaled, numbers(BAND_COUNT - 1)], [places.length]);
  const bounds = tape.addNode('Div', [raised, numbers(BAND_COUNT)], [places.length]);
  const take = (from: number, to: number) => tape.addNode('Slice', [bounds, numbers(from), numbers(to)], [to - from]);
  const queryCounts = tape.addNode('Sub', [take(1, places.length), take(0, BAND_COUNT)], [BAND_COUNT]);
  const list = places.slice(1).map((place): Band => {
    const keys = partOf(count, place, BAND_COUNT);
    const queries = partOf(count, 1, BAND_COUNT);
    const keyCount = take(place, place + 1);
    const rows = tape.addNode('Slice', [mask, take(place - 1, place), keyCount, numbers(0)], [queries, count]);
    const cut = tape.addNode('Slice', [rows, numbers(0), keyCount, numbers(1)], [queries, keys]);
    // Each row once for every head of a group.
    const lifted = tape.addNode('Unsqueeze', [cut, numbers(1)], [queries, 1, keys]);
    const repeated = tape.addNode('Expand', [lifted, numbers(1, groupSize, 1)], [queries, groupSize, keys]);
    const sizes = tape.addNode('Concat', [numbers(-1), keyCount], [2], { axis: 0 });
    const rest = tape.addNode('Sub', [total, keyCount], [1]);
    return {
      keys,
      keyCount,
      mask: tape.addNode('Reshape', [repeated, sizes], [partOf(count, groupSize, BAND_COUNT), keys]),
      pads: tape.addNode('Concat', [numbers(0, 0, 0, 0), rest, numbers(0)], [6], { axis: 0 }),
    };
  });
  return { list, sizes: tape.addNode('Mul', [queryCounts, numbers(groupSize)], [BAND_COUNT]) };
}

interface Layout extends AttentionShape {
  readonly tape: Tape;
  readonly bands: Bands;
  /** T */
  readonly count: Dimension;
}

function at<Item>(items: readonly Item[], i: number): Item {
  const item = items[i];
  if (item === undefined) throw new RangeError(`there is no band ${i}`);
  return item;
}

/** [T, heads · width] → a [keyValueHeads, queries · group, width] for each band, so that no key is repeated for its group. */
function splitBands(layout: Layout, x: Value, width: number): readonly Value[] {
  const { tape, bands, count, keyValueHeadCount, groupSize } = layout;
  const heads = viewAs(tape, x, [count, keyValueHeadCount, groupSize * width]);
  const shape = [keyValueHeadCount, count, groupSize * width];
  const turned = tape.addNode('Transpose', [heads], shape, { perm: [1, 0, 2] });
  const rows = viewAs(tape, turned, [keyValueHeadCount, partOf(count, groupSize, 1), width]);
  const size = partOf(count, groupSize, BAND_COUNT);
  const parts = bands.list.map(() => tape.createValue([keyValueHeadCount, size, width]));
  tape.addNodeOf('Split', [rows, bands.sizes], parts, { axis: 1 });
  return parts;
}

/** The way back, for the width of a head. */
function joinBands({ tape, count, keyValueHeadCount, groupSize, headSize }: Layout, parts: readonly Value[]): Value {
  const rows = tape.addNode('Concat', parts, [keyValueHeadCount, partOf(count, groupSize, 1), headSize], { axis: 1 });
  const width = groupSize * headSize;
  const heads = viewAs(tape, rows, [keyValueHeadCount, count, width]);
  const turned = tape.addNode('Transpose', [heads], [count, keyValueHeadCount, width], { perm: [1, 0, 2] });
  return viewAs(tape, turned, [count, keyValueHeadCount * width]);
}

/** [T, keyValueHeads · size] → a [keyValueHeads, keys, size] for each band */
function cutKeys({ tape, bands, count, keyValueHeadCount, headSize }: Layout, x: Value): readonly Value[] {
  const heads = viewAs(tape, x, [count, keyValueHeadCount, headSize]);
  const shape = [keyValueHeadCount, count, headSize];
  const all = tape.addNode('Transpose', [heads], shape, { perm: [1, 0, 2] });
  const [from, axis] = [tape.addIndexConstant([0]), tape.addIndexConstant([1])];
  return bands.list.map(({ keyCount, keys }, i) =>
    i === bands.list.length - 1
      ? all
      : tape.addNode('Slice', [all, from, keyCount, axis], [keyValueHeadCount, keys, headSize]),
  );
}

/** The way back: the sum over the bands, each filled up to all keys with zeros. */
function sumKeys({ tape, bands, count, keyValueHeadCount, headSize }: Layout, parts: readonly Value[]): Value {
  const whole = [keyValueHeadCount, count, headSize];
  const filled = parts.map((part, i) =>
    i === parts.length - 1 ? part : tape.addNode('Pad', [part, at(bands.list, i).pads], whole),
  );
  const sum = filled.reduce((total, part) => tape.addNode('Add', [total, part], whole));
  const rows = tape.addNode('Transpose', [sum], [count, keyValueHeadCount, headSize], { perm: [1, 0, 2] });
  return viewAs(tape, rows, [count, keyValueHeadCount * headSize]);
}

interface ProductOptions {
  readonly transA?: 1;
  readonly transB?: 1;
  readonly factor?: number;
}

/** factor · a·b over the last two of three dimensions. */
function multiply(tape: Tape, a: Value, b: Value, { transA, transB, factor = 1 }: ProductOptions = {}): Value {
  const [batch = 1, aRows = 1, aColumns = 1] = a.shape;
  const [, bRows = 1, bColumns = 1] = b.shape;
  const shape = [batch, transA ? aColumns : aRows, transB ? bRows : bColumns];
  const attributes = { transA: transA ?? 0, transB: transB ?? 0, alpha: { float: factor } };
  return tape.addNode('FusedMatMul', [a, b], shape, attributes);
}

/** softmax(q·kᵀ / √size + mask) for each band, [keyValueHeads, queries · group, keys] */
function addProbabilities(layout: Layout, queries: readonly Value[], keys: readonly Value[]): readonly Value[] {
  const { tape, bands, headSize } = layout;
  return bands.list.map(({ mask }, i) => {
    const scores = multiply(tape, at(queries, i), at(keys, i), { transB: 1, factor: 1 / Math.sqrt(headSize) });
    const masked = tape.addNode('Add', [scores, mask], scores.shape);
    return tape.addNode('Softmax', [masked], scores.shape, { axis: -1 });
  });
}

/**
 * softmax(q·kᵀ / √size + mask)·v, head by head. With P the probabilities, O the result and D = Σ dO ∘ O by query and head:
 * dS = P ∘ (dO·vᵀ − D), dq = dS·k / √size, dk = dSᵀ·q / √size, dv = Pᵀ·dO. D is the same number as Σ P ∘ (dO·vᵀ), from far
 * smaller arrays.
 * @param q [T, heads · size]; k and v [T, keyValueHeads · size]
 * @param keepsProbabilities false: they are computed again in the backward pass
 * @see Dao et al., "FlashAttention", 2022, appendix B.2
 */
export function attend(
  tape: Tape,
  { q, k, v, bands }: { readonly q: Value; readonly k: Value; readonly v: Value; readonly bands: Bands },
  shape: AttentionShape,
  keepsProbabilities: boolean,
): Value {
  const [count = 1] = q.shape;
  const layout: Layout = { ...shape, tape, bands, count };
  const queries = splitBands(layout, q, shape.headSize);
  const [keys, values] = [cutKeys(layout, k), cutKeys(layout, v)];
  const forward = addProbabilities(layout, queries, keys);
  const output = joinBands(
    layout,
    forward.map((p, i) => multiply(tape, p, at(values, i))),
  );
  const factor = 1 / Math.sqrt(shape.headSize);
  return tape.record(output, [q, k, v], (g) => {
    const probabilities = keepsProbabilities
      ? forward
      : addProbabilities(
          layout,
          queries.map((query) => tape.delay(query, g)),
          keys,
        );
    const products = tape.addNode('Mul', [g, output], g.shape);
    const byHead = [count, shape.keyValueHeadCount * shape.groupSize, shape.headSize];
    const inner = splitBands(layout, sumLast(tape, viewAs(tape, products, byHead)), 1);
    const outer = splitBands(layout, g, shape.headSize);
    const scores = probabilities.map((p, i) => {
      const upstream = multiply(tape, at(outer, i), at(values, i), { transB: 1 });
      const centred = tape.addNode('Sub', [upstream, at(inner, i)], upstream.shape);
      return tape.addNode('Mul', [centred, p], upstream.shape);
    });
    const dq = () =>
      joinBands(
        layout,
        scores.map((s, i) => multiply(tape, s, at(keys, i), { factor })),
      );
    const dk = () =>
      sumKeys(
        layout,
        scores.map((s, i) => multiply(tape, s, at(queries, i), { transA: 1, factor })),
      );
    const dv = () =>
      sumKeys(
        layout,
        probabilities.map((p, i) => multiply(tape, p, at(outer, i), { transA: 1 })),
      );
    return [q.hasGradient ? dq() : undefined, k.hasGradient ? dk() : undefined, v.hasGradient ? dv() : undefined];
  });
}
