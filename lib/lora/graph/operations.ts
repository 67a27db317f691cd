import type { Dimension } from './encode-onnx.ts';
import type { Tape, Value } from './tape.ts';

/**
 * The operations of a decoder-only transformer with low-rank adapters, each with its gradient. `T` is the number of tokens
 * in a run; matrices are row-major with one token a row. Gradients are the textbook ones; a source stands where a formula is
 * not obvious. Where ONNX Runtime has one node for several, and only for f32, an f64 tape is given the several.
 */

function productOf(sizes: readonly Dimension[], what: string): number {
  return sizes.reduce<number>((product, size) => {
    if (typeof size !== 'number') throw new RangeError(`${what} depends on the run (${size})`);
    return product * size;
  }, 1);
}

export function add(tape: Tape, a: Value, b: Value): Value {
  return tape.record(tape.addNode('Add', [a, b], a.shape), [a, b], (g) => [g, g]);
}

/** Element by element; both of one shape. */
export function multiply(tape: Tape, a: Value, b: Value): Value {
  return tape.record(tape.addNode('Mul', [a, b], a.shape), [a, b], (g) => [
    a.hasGradient ? tape.addNode('Mul', [g, b], a.shape) : undefined,
    b.hasGradient ? tape.addNode('Mul', [g, a], b.shape) : undefined,
  ]);
}

/** `value` times something that needs no gradient and broadcasts to its shape (a scalar, a row, a mask). */
export function scale(tape: Tape, value: Value, factor: Value): Value {
  return tape.record(tape.addNode('Mul', [value, factor], value.shape), [value], (g) => [
    tape.addNode('Mul', [g, factor], value.shape),
  ]);
}

/** `value` plus something that needs no gradient and broadcasts to its shape. */
export function shift(tape: Tape, value: Value, offset: Value): Value {
  return tape.record(tape.addNode('Add', [value, offset], value.shape), [value], (g) => [g]);
}

interface Transposed {
  readonly a?: boolean;
  readonly b?: boolean;
}

function gemm(tape: Tape, a: Value, b: Value, transposed: Transposed, factor = 1): Value {
  const rows = a.shape[transposed.a ? 1 : 0];
  const columns = b.shape[transposed.b ? 0 : 1];
  if (a.shape.length !== 2 || b.shape.length !== 2 || rows === undefined || columns === undefined)
    throw new RangeError(`a matrix product needs two matrices, not [${a.shape.join()}] and [${b.shape.join()}]`);
  return tape.addNode('Gemm', [a, b], [rows, columns], {
    transA: transposed.a ? 1 : 0,
    transB: transposed.b ? 1 : 0,
    alpha: { float: factor },
  });
}

/**
 * factor · x·Wᵀ, for x [T, inputs] and W [outputs, inputs]. The transposition is an attribute of the product: a transposed
 * frozen weight would be folded into a second copy of the weight.
 */
export function linear(tape: Tape, x: Value, weight: Value, factor = 1): Value {
  return tape.record(gemm(tape, x, weight, { b: true }, factor), [x, weight], (g) => [
    x.hasGradient ? gemm(tape, g, weight, {}, factor) : undefined,
    weight.hasGradient ? gemm(tape, g, x, { a: true }, factor) : undefined,
  ]);
}

/** Matrices one below the other. */
export function stackRows(tape: Tape, parts: readonly Value[]): Value {
  const [first, ...others] = parts;
  if (!first) throw new RangeError('nothing to stack');
  if (others.length === 0) return first;
  const heights = parts.map((part) => productOf(part.shape.slice(0, 1), `the height of ${part.name}`));
  const height = heights.reduce((sum, size) => sum + size, 0);
  const stacked = tape.addNode('Concat', parts, [height, ...first.shape.slice(1)], { axis: 0 });
  return tape.record(stacked, parts, (g) => {
    const gradients = parts.map(({ shape }) => tape.createValue(shape));
    tape.addNodeOf('Split', [g, tape.addIndexConstant(heights)], gradients, { axis: 0 });
    return gradients;
  });
}

/** The columns of a matrix in groups, each of which must lead to the loss. */
export function splitColumns(tape: Tape, x: Value, widths: readonly number[]): readonly Value[] {
  if (widths.length === 1) return [x];
  const parts = widths.map((width) => tape.createValue([...x.shape.slice(0, 1), width]));
  tape.addNodeOf('Split', [x, tape.addIndexConstant(widths)], parts, { axis: 1 });
  return tape.recordAll(parts, [x], (gradients) => {
    const all = gradients.filter((gradient) => gradient !== undefined);
    if (all.length < gradients.length) throw new RangeError(`a group of columns of ${x.name} leads nowhere`);
    return [tape.addNode('Concat', all, x.shape, { axis: 1 })];
  });
}

/** `shape` may hold one size that the run decides; every other must be a number. */
export function viewAs(tape: Tape, value: Value, shape: readonly Dimension[]): Value {
  const sizes = shape.map((size) => (typeof size === 'number' ? size : -1));
  if (sizes.filter((size) => size === -1).length > 1) throw new RangeError(`two unknown sizes in [${shape.join()}]`);
  return tape.addNode('Reshape', [value, tape.addIndexConstant(sizes)], shape);
}

export function reshape(tape: Tape, value: Value, shape: readonly Dimension[]): Value {
  return tape.record(viewAs(tape, value, shape), [value], (g) => [viewAs(tape, g, value.shape)]);
}

export function sumLast(tape: Tape, value: Value): Value {
  const shape = [...value.shape.slice(0, -1), 1];
  return tape.addNode('ReduceSum', [value, tape.addIndexConstant([-1])], shape, { keepdims: 1 });
}

function meanLast(tape: Tape, value: Value): Value {
  const shape = [...value.shape.slice(0, -1), 1];
  return tape.addNode('ReduceMean', [value, tape.addIndexConstant([-1])], shape, { keepdims: 1 });
}

/** n = r·x and r = 1/√(mean(x²) + ε). */
function addNormalisation(tape: Tape, x: Value, epsilon: number): { readonly normal: Value; readonly r: Value } {
  const column = [...x.shape.slice(0, -1), 1];
  if (tape.precision === 'float32') {
    const width = productOf(x.shape.slice(-1), `the width of ${x.name}`);
    const [normal, r] = [tape.createValue(x.shape), tape.createValue(column)];
    const ones = tape.addConstant(new Float32Array(width).fill(1), [width]);
    const attributes = { axis: -1, epsilon: { float: epsilon }, stash_type: 1 };
    tape.addNodeOf('SimplifiedLayerNormalization', [x, ones], [normal, r], attributes);
    return { normal, r };
  }
  const square = meanLast(tape, tape.addNode('Mul', [x, x], x.shape));
  const shifted = tape.addNode('Add', [square, tape.addConstant([epsilon])], column);
  const r = tape.addNode('Reciprocal', [tape.addNode('Sqrt', [shifted], column)], column);
  return { normal: tape.addNode('Mul', [x, r], x.shape), r };
}

/**
 * Root mean square normalisation over the last dimension, n = r·x with r = 1/√(mean(x²) + ε), without the weight that
 * follows. Its gradient: dx = r·(g − n·mean(g ∘ n)).
 * @see Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019
 */
export function normalise(tape: Tape, x: Value, epsilon: number): Value {
  const { normal, r } = addNormalisation(tape, x, epsilon);
  return tape.record(normal, [x], (g) => {
    const projection = meanLast(tape, tape.addNode('Mul', [g, normal], x.shape));
    const tangent = tape.addNode('Sub', [g, tape.addNode('Mul', [normal, projection], x.shape)], x.shape);
    return [tape.addNode('Mul', [tangent, r], x.shape)];
  });
}

/** silu(a) = a·σ(a) */
function addSilu(tape: Tape, a: Value): Value {
  if (tape.precision === 'float32') return tape.addNode('QuickGelu', [a], a.shape, { alpha: { float: 1 } });
  return tape.addNode('Mul', [a, tape.addNode('Sigmoid', [a], a.shape)], a.shape);
}

/** silu(a) ∘ b with silu(a) = a·σ(a), whose derivative is σ(a)·(1 + a − silu(a)). Keeps a and b alone. */
export function swiGlu(tape: Tape, a: Value, b: Value): Value {
  const y = tape.addNode('Mul', [addSilu(tape, a), b], a.shape);
  return tape.record(y, [a, b], (g) => {
    const sigma = tape.addNode('Sigmoid', [tape.delay(a, g)], a.shape);
    const activated = tape.addNode('Mul', [sigma, a], a.shape);
    const rest = tape.addNode('Sub', [a, activated], a.shape);
    const slope = tape.addNode('Mul', [tape.addNode('Add', [rest, tape.addConstant([1])], a.shape), sigma], a.shape);
    return [
      a.hasGradient ? tape.addNode('Mul', [tape.addNode('Mul', [slope, b], a.shape), g], a.shape) : undefined,
      b.hasGradient ? tape.addNode('Mul', [g, activated], b.shape) : undefined,
    ];
  });
}

/** Rows of a matrix. The gradient of a row that is taken twice is the sum. */
export function takeRows(tape: Tape, x: Value, rows: Value): Value {
  const [count] = rows.shape;
  const width = productOf(x.shape.slice(1), `the width of ${x.name}`);
  if (count === undefined) throw new RangeError('the row numbers must be a list');
  const taken = tape.addNode('Gather', [x, rows], [count, width], { axis: 0 });
  return tape.record(taken, [x], (g) => {
    const zeros = tape.addNode('Sub', [x, x], x.shape);
    const indices = tape.addNode('Unsqueeze', [rows, tape.addIndexConstant([1])], [count, 1]);
    return [tape.addNode('ScatterND', [zeros, indices, g], x.shape, { reduction: 'add' })];
  });
}

/**
 * Weighted negative log-likelihood of the tokens that follow, in log-sum-exp form: with logits z = x·Wᵀ it is
 * Σᵢ wᵢ·(log Σⱼ exp zᵢⱼ − zᵢ[tᵢ]). Its gradient by x is Σⱼ wᵢ·(softmax(zᵢ)ⱼ − [j = tᵢ])·Wⱼ; the sum over the vocabulary
 * is taken of the exponentials and divided after, and the rest is the targets' rows of W, so that no second array of the
 * size of the logits is needed.
 * @param x [rows, hidden]
 * @param head W, frozen, [vocabulary, hidden]
 * @param targets [rows], whole numbers
 * @param weights [rows]
 * @returns the sum, the unweighted loss of each row [rows, 1] in nats, and the logits [rows, vocabulary]
 */
export function crossEntropy(
  tape: Tape,
  x: Value,
  head: Value,
  targets: Value,
  weights: Value,
): { readonly sum: Value; readonly perRow: Value; readonly logits: Value } {
  const logits = gemm(tape, x, head, { b: true });
  const column = [...x.shape.slice(0, 1), 1];
  const axis = tape.addIndexConstant([-1]);
  const top = tape.addNode('ReduceMax', [logits, axis], column, { keepdims: 1 });
  const below = tape.addNode('Sub', [logits, top], logits.shape);
  const targetColumn = tape.addNode('Unsqueeze', [targets, axis], column);
  const chosen = tape.addNode('GatherElements', [below, targetColumn], column, { axis: 1 });
  // After the choice nothing else reads `below`, so the exponentials take its place.
  const exponentials = tape.addNode('Exp', [tape.delay(below, chosen)], logits.shape);
  const total = sumLast(tape, exponentials);
  const perRow = tape.addNode('Sub', [tape.addNode('Log', [total], column), chosen], column);
  const weightColumn = tape.addNode('Unsqueeze', [weights, axis], column);
  const sum = tape.addNode('ReduceSum', [tape.addNode('Mul', [perRow, weightColumn], column)], [], { keepdims: 0 });
  const recorded = tape.record(sum, [x], (g) => {
    const factor = tape.addNode('Mul', [weightColumn, g], column);
    const mean = tape.addNode('Div', [gemm(tape, exponentials, head, {}), total], x.shape);
    const target = tape.addNode('Gather', [head, targets], x.shape, { axis: 0 });
    return [tape.addNode('Mul', [tape.addNode('Sub', [mean, target], x.shape), factor], x.shape)];
  });
  return { sum: recorded, perRow, logits };
}
