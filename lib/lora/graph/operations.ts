import type { Dimension } from './encode-onnx.ts';
import type { Tape, Value } from './tape.ts';

/**
 * The operations of a decoder-only transformer with low-rank adapters, each with its gradient. `T` is the number of tokens
 * in a run; matrices are row-major with one token a row. Gradients are the textbook ones; a source stands where a formula is
 * not obvious.
 */

function lastDimension(value: Value): Dimension {
  const last = value.shape.at(-1);
  if (last === undefined) throw new RangeError(`${value.name} is a scalar`);
  return last;
}

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

function gemm(tape: Tape, a: Value, b: Value, transposed: Transposed): Value {
  const rows = a.shape[transposed.a ? 1 : 0];
  const columns = b.shape[transposed.b ? 0 : 1];
  if (a.shape.length !== 2 || b.shape.length !== 2 || rows === undefined || columns === undefined)
    throw new RangeError(`a matrix product needs two matrices, not [${a.shape.join()}] and [${b.shape.join()}]`);
  return tape.addNode('Gemm', [a, b], [rows, columns], { transA: transposed.a ? 1 : 0, transB: transposed.b ? 1 : 0 });
}

/**
 * x·Wᵀ, for x [T, inputs] and W [outputs, inputs]. The transposition is an attribute of the product: a transposed frozen
 * weight would be folded into a second copy of the weight.
 */
export function linear(tape: Tape, x: Value, weight: Value): Value {
  return tape.record(gemm(tape, x, weight, { b: true }), [x, weight], (g) => [
    x.hasGradient ? gemm(tape, g, weight, {}) : undefined,
    weight.hasGradient ? gemm(tape, g, x, { a: true }) : undefined,
  ]);
}

/** a·b over the last two dimensions, for arrays of three or more dimensions with equal leading ones. */
export function batchedProduct(tape: Tape, a: Value, b: Value): Value {
  const shape = [...a.shape.slice(0, -1), lastDimension(b)];
  return tape.record(tape.addNode('MatMul', [a, b], shape), [a, b], (g) => [
    a.hasGradient ? tape.addNode('MatMul', [g, swapLastTwo(tape, b)], a.shape) : undefined,
    b.hasGradient ? tape.addNode('MatMul', [swapLastTwo(tape, a), g], b.shape) : undefined,
  ]);
}

function swapLastTwo(tape: Tape, value: Value): Value {
  const rank = value.shape.length;
  const order = [...Array.from({ length: rank - 2 }, (_, i) => i), rank - 1, rank - 2];
  return permute(tape, value, order);
}

function permute(tape: Tape, value: Value, order: readonly number[]): Value {
  const shape = order.map((axis) => {
    const size = value.shape[axis];
    if (size === undefined) throw new RangeError(`${value.name} has no dimension ${axis}`);
    return size;
  });
  return tape.addNode('Transpose', [value], shape, { perm: order });
}

export function transpose(tape: Tape, value: Value, order: readonly number[]): Value {
  const inverse = order.map((_, axis) => order.indexOf(axis));
  return tape.record(permute(tape, value, order), [value], (g) => [permute(tape, g, inverse)]);
}

/** `shape` may hold one size that the run decides; every other must be a number. */
function reshapeTo(tape: Tape, value: Value, shape: readonly Dimension[]): Value {
  const sizes = shape.map((size) => (typeof size === 'number' ? size : -1));
  if (sizes.filter((size) => size === -1).length > 1) throw new RangeError(`two unknown sizes in [${shape.join()}]`);
  return tape.addNode('Reshape', [value, tape.addIndexConstant(sizes)], shape);
}

export function reshape(tape: Tape, value: Value, shape: readonly Dimension[]): Value {
  return tape.record(reshapeTo(tape, value, shape), [value], (g) => [reshapeTo(tape, g, value.shape)]);
}

/** Over the last dimension. */
export function softmax(tape: Tape, value: Value): Value {
  const p = tape.addNode('Softmax', [value], value.shape, { axis: -1 });
  return tape.record(p, [value], (g) => {
    // dx = p ∘ (g − Σ g∘p)
    const inner = sumLast(tape, tape.addNode('Mul', [g, p], value.shape));
    return [tape.addNode('Mul', [p, tape.addNode('Sub', [g, inner], value.shape)], value.shape)];
  });
}

function sumLast(tape: Tape, value: Value): Value {
  const shape = [...value.shape.slice(0, -1), 1];
  return tape.addNode('ReduceSum', [value, tape.addIndexConstant([-1])], shape, { keepdims: 1 });
}

function meanLast(tape: Tape, value: Value): Value {
  const shape = [...value.shape.slice(0, -1), 1];
  return tape.addNode('ReduceMean', [value, tape.addIndexConstant([-1])], shape, { keepdims: 1 });
}

/**
 * Root mean square normalisation over the last dimension: y = x ∘ w / √(mean(x²) + ε).
 * With r = 1/√(…) and h = g ∘ w: dx = r·h − x·r³·mean(h ∘ x).
 * @param weight frozen, of the last dimension
 * @see Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019
 */
export function rmsNorm(tape: Tape, x: Value, weight: Value, epsilon: number): Value {
  const column = [...x.shape.slice(0, -1), 1];
  const square = meanLast(tape, tape.addNode('Mul', [x, x], x.shape));
  const shifted = tape.addNode('Add', [square, tape.addConstant([epsilon])], column);
  const r = tape.addNode('Reciprocal', [tape.addNode('Sqrt', [shifted], column)], column);
  const normal = tape.addNode('Mul', [x, r], x.shape);
  return tape.record(tape.addNode('Mul', [normal, weight], x.shape), [x], (g) => {
    const h = tape.addNode('Mul', [g, weight], x.shape);
    // With n = x·r the second term is r·n·mean(h ∘ n).
    const projection = meanLast(tape, tape.addNode('Mul', [h, normal], x.shape));
    const tangent = tape.addNode('Sub', [h, tape.addNode('Mul', [normal, projection], x.shape)], x.shape);
    return [tape.addNode('Mul', [tangent, r], x.shape)];
  });
}

/** silu(a) ∘ b with silu(a) = a·σ(a); its derivative is σ(a)·(1 + a·(1 − σ(a))). */
export function swiGlu(tape: Tape, a: Value, b: Value): Value {
  const sigma = tape.addNode('Sigmoid', [a], a.shape);
  const activated = tape.addNode('Mul', [a, sigma], a.shape);
  return tape.record(tape.addNode('Mul', [activated, b], a.shape), [a, b], (g) => {
    // silu'(a) = σ + silu(a)·(1 − σ)
    const one = tape.addConstant([1]);
    const rest = tape.addNode('Mul', [activated, tape.addNode('Sub', [one, sigma], a.shape)], a.shape);
    const slope = tape.addNode('Add', [sigma, rest], a.shape);
    const upstream = tape.addNode('Mul', [g, b], a.shape);
    return [
      a.hasGradient ? tape.addNode('Mul', [upstream, slope], a.shape) : undefined,
      b.hasGradient ? tape.addNode('Mul', [g, activated], a.shape) : undefined,
    ];
  });
}

/**
 * Rotary position embedding of x [T, heads, size]: x ∘ cos + (x·R) ∘ sin, where R, a constant [size, size] matrix of 0 and
 * ±1, turns each pair of elements by a quarter. Which elements make a pair is in R and in the order of cos and sin.
 * @param cos [T, 1, size]; `sin` likewise
 * @see Su et al., "RoFormer", 2021
 */
export function rotate(tape: Tape, x: Value, cos: Value, sin: Value, quarterTurn: Value, inverseTurn: Value): Value {
  const turned = tape.addNode('MatMul', [x, quarterTurn], x.shape);
  const sum = tape.addNode(
    'Add',
    [tape.addNode('Mul', [x, cos], x.shape), tape.addNode('Mul', [turned, sin], x.shape)],
    x.shape,
  );
  return tape.record(sum, [x], (g) => {
    const straight = tape.addNode('Mul', [g, cos], x.shape);
    const back = tape.addNode('MatMul', [tape.addNode('Mul', [g, sin], x.shape), inverseTurn], x.shape);
    return [tape.addNode('Add', [straight, back], x.shape)];
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
 * Weighted negative log-likelihood in log-sum-exp form: Σᵢ wᵢ·(log Σⱼ exp zᵢⱼ − zᵢ[tᵢ]).
 * Its gradient is wᵢ·(softmax(zᵢ) − onehot(tᵢ)).
 * @param logits [rows, vocabulary]
 * @param targets [rows], whole numbers
 * @param weights [rows]
 * @returns the sum, and the unweighted loss of each row [rows, 1], in nats
 */
export function crossEntropy(
  tape: Tape,
  logits: Value,
  targets: Value,
  weights: Value,
): { readonly sum: Value; readonly perRow: Value } {
  const [rows] = logits.shape;
  const vocabulary = lastDimension(logits);
  if (rows === undefined || typeof vocabulary !== 'number') throw new RangeError('logits must be [rows, vocabulary]');
  const column = [rows, 1];
  const axis = tape.addIndexConstant([-1]);
  const top = tape.addNode('ReduceMax', [logits, axis], column, { keepdims: 1 });
  const exponentials = tape.addNode('Exp', [tape.addNode('Sub', [logits, top], logits.shape)], logits.shape);
  const total = sumLast(tape, exponentials);
  const logTotal = tape.addNode('Add', [tape.addNode('Log', [total], column), top], column);
  const targetColumn = tape.addNode('Unsqueeze', [targets, axis], column);
  const chosen = tape.addNode('GatherElements', [logits, targetColumn], column, { axis: 1 });
  const perRow = tape.addNode('Sub', [logTotal, chosen], column);
  const weightColumn = tape.addNode('Unsqueeze', [weights, axis], column);
  const weighted = tape.addNode('Mul', [perRow, weightColumn], column);
  const sum = tape.addNode('ReduceSum', [weighted], [], { keepdims: 0 });
  const recorded = tape.record(sum, [logits], (g) => {
    const probabilities = tape.addNode('Div', [exponentials, total], logits.shape);
    const minusOne = tape.addNode(
      'Sub',
      [perRow, tape.addNode('Add', [perRow, tape.addConstant([1])], column)],
      column,
    );
    const difference = tape.addNode('ScatterElements', [probabilities, targetColumn, minusOne], logits.shape, {
      axis: 1,
      reduction: 'add',
    });
    const factor = tape.addNode('Mul', [weightColumn, g], column);
    return [tape.addNode('Mul', [difference, factor], logits.shape)];
  });
  return { sum: recorded, perRow };
}
