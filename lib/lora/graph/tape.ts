import type {
  Dimension,
  OnnxAttribute,
  OnnxDataType,
  OnnxGraph,
  OnnxInitializer,
  OnnxNode,
  OnnxTensorInfo,
} from './encode-onnx.ts';
import { dropUnread, foldSums, nameOutputs } from './simplify-graph.ts';

/**
 * A graph under construction, with reverse-mode differentiation: every differentiable operation records how its inputs'
 * gradients follow from its outputs', and `differentiate` walks the record backwards, adding the backward nodes to the same
 * graph. Values that lead to no parameter carry no gradient, so frozen weights and everything below the lowest adapted layer
 * cost nothing in the backward pass.
 */
export interface Value {
  readonly name: string;
  readonly shape: readonly Dimension[];
  /** True when a parameter influences it. */
  readonly hasGradient: boolean;
}

/** Given the gradient of an operation's output, the gradients of its inputs in order; undefined where none is needed. */
type Backward = (gradient: Value) => readonly (Value | undefined)[];

interface Step {
  readonly outputs: readonly Value[];
  readonly inputs: readonly Value[];
  /** Given the gradients of the outputs; at least one is there. */
  readonly backward: (gradients: readonly (Value | undefined)[], known: Gradients) => readonly (Value | undefined)[];
}

/** Gradients found so far, by the name of the value. */
type Gradients = Map<string, Value>;

/** A graph with the shapes of what its nodes give, for estimates of memory. */
export interface BuiltGraph extends OnnxGraph {
  /** Nodes run in this order. */
  readonly nodes: readonly OnnxNode[];
  readonly shapes: ReadonlyMap<string, readonly Dimension[]>;
}

export class Tape {
  /** f64 serves tests that compare gradients with central differences. */
  readonly precision: 'float32' | 'float64';
  readonly #nodes: OnnxNode[] = [];
  readonly #inputs: OnnxTensorInfo[] = [];
  readonly #outputs: OnnxTensorInfo[] = [];
  readonly #initializers: OnnxInitializer[] = [];
  readonly #constants = new Map<string, Value>();
  readonly #shapes = new Map<string, readonly Dimension[]>();
  /** Shapes that are known when another value is; see {@link delay}. */
  readonly #delays = new Map<string, Value>();
  #steps: Step[] = [];
  #count = 0;

  constructor(precision: 'float32' | 'float64' = 'float32') {
    this.precision = precision;
  }

  /** An array that the caller gives with every run. */
  addInput(name: string, shape: readonly Dimension[]): Value {
    this.#inputs.push({ name, dataType: this.precision, shape });
    return { name, shape, hasGradient: false };
  }

  /** An array of whole numbers that the caller gives with every run. */
  addIndexInput(name: string, shape: readonly Dimension[]): Value {
    this.#inputs.push({ name, dataType: 'int64', shape });
    return { name, shape, hasGradient: false };
  }

  /** An input whose gradient is wanted. */
  addParameter(name: string, shape: readonly number[]): Value {
    this.#inputs.push({ name, dataType: this.precision, shape });
    return { name, shape, hasGradient: true };
  }

  /** A frozen f32 array that lies in a file beside the model. */
  addExternalWeight(
    name: string,
    shape: readonly number[],
    data: { readonly fileName: string; readonly byteOffset: number; readonly byteLength: number },
  ): Value {
    this.#initializers.push({ name, dataType: 'float32', shape, data });
    return { name, shape, hasGradient: false };
  }

  addConstant(values: readonly number[] | Float32Array, shape: readonly number[] = []): Value {
    const key = `f:${shape.join(',')}:${values.join(',')}`;
    const Numbers = this.precision === 'float32' ? Float32Array : Float64Array;
    return this.#reuse(key, shape, this.precision, () => new Uint8Array(Numbers.from(values).buffer));
  }

  addIndexConstant(values: readonly number[], shape: readonly number[] = [values.length]): Value {
    const key = `i:${shape.join(',')}:${values.join(',')}`;
    return this.#reuse(key, shape, 'int64', () => new Uint8Array(BigInt64Array.from(values, BigInt).buffer));
  }

  #reuse(key: string, shape: readonly number[], dataType: OnnxDataType, encode: () => Uint8Array): Value {
    const known = this.#constants.get(key);
    if (known) return known;
    const value: Value = { name: `constant_${this.#constants.size}`, shape, hasGradient: false };
    this.#constants.set(key, value);
    this.#initializers.push({ name: value.name, dataType, shape, data: encode() });
    return value;
  }

  /** A value that a node will give; see {@link addNodeOf}. */
  createValue(shape: readonly Dimension[]): Value {
    const name = `v${this.#count++}`;
    this.#shapes.set(name, shape);
    return { name, shape, hasGradient: false };
  }

  /** One node without a gradient of its own. */
  addNode(
    operator: string,
    inputs: readonly Value[],
    shape: readonly Dimension[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): Value {
    const value = this.createValue(shape);
    this.addNodeOf(operator, inputs, [value], attributes);
    return value;
  }

  /**
   * One node with several outputs, without gradients of its own.
   * @param outputs of {@link createValue}; null for one that is not wanted
   */
  addNodeOf(
    operator: string,
    inputs: readonly Value[],
    outputs: readonly (Value | null)[],
    attributes: Readonly<Record<string, OnnxAttribute>>,
  ): void {
    this.#nodes.push({
      operator,
      inputs: inputs.map((input) => input.name),
      // An empty name stands for an output that is left out.
      outputs: outputs.map((output) => output?.name ?? ''),
      attributes,
    });
  }

  /**
   * Make `value` differentiable with respect to `inputs`. `backward` is called at most once, and only when a parameter
   * influences an input and the loss depends on the value.
   */
  record(value: Value, inputs: readonly Value[], backward: Backward): Value {
    const [output = value] = this.recordAll([value], inputs, ([gradient]) => (gradient ? backward(gradient) : []));
    return output;
  }

  /** The same for an operation with several outputs; the gradient of one that the loss does not depend on is undefined. */
  recordAll(
    values: readonly Value[],
    inputs: readonly Value[],
    backward: (gradients: readonly (Value | undefined)[]) => readonly (Value | undefined)[],
  ): readonly Value[] {
    if (!inputs.some((input) => input.hasGradient)) return values;
    const outputs = values.map((value) => ({ ...value, hasGradient: true }));
    this.#steps.push({ outputs, inputs, backward });
    return outputs;
  }

  /**
   * The value itself, but not before `until` is there: a pass of its own would cost time, another view of it does not.
   * @param until its first dimension is one that the run decides
   */
  delay(value: Value, until: Value): Value {
    const zeros = Array.from(value.shape, () => 0);
    const key = `${until.name}:${zeros.length}`;
    const known = this.#delays.get(key);
    // A size of 0 asks for the input's own; multiplied by the size of `until` it is known only when `until` is.
    const shape =
      known ??
      this.addNode(
        'Mul',
        [this.addNode('Shape', [until], [1], { start: 0, end: 1 }), this.addIndexConstant(zeros)],
        [zeros.length],
      );
    this.#delays.set(key, shape);
    return { ...this.addNode('Reshape', [value, shape], value.shape), hasGradient: value.hasGradient };
  }

  /**
   * What `build` makes of `inputs`, made again in the backward pass instead of being kept for it: memory for time. Only the
   * nodes that the gradients read are run again.
   * @param build is called twice and must do the same both times
   */
  recompute(inputs: readonly Value[], build: (inputs: readonly Value[]) => Value): Value {
    const output = this.#withoutRecord(() => build(inputs)).result;
    if (!output.hasGradient) return output;
    this.#steps.push({
      outputs: [output],
      inputs,
      backward: ([gradient], known) => {
        if (!gradient) return [];
        const again = inputs.map((input) => this.delay(input, gradient));
        const { result, steps } = this.#withoutRecord(() => build(again));
        known.set(result.name, gradient);
        this.#walkBack(steps, known);
        return again.map((value) => known.get(value.name));
      },
    });
    return output;
  }

  /** @returns also the steps that `act` recorded, which are then off the record */
  #withoutRecord<Result>(act: () => Result): { readonly result: Result; readonly steps: readonly Step[] } {
    const recorded = this.#steps;
    this.#steps = [];
    try {
      const result = act();
      return { result, steps: this.#steps };
    } finally {
      this.#steps = recorded;
    }
  }

  #walkBack(steps: readonly Step[], gradients: Gradients): void {
    for (const step of steps.toReversed()) {
      const outputGradients = step.outputs.map((output) => gradients.get(output.name));
      if (outputGradients.every((gradient) => gradient === undefined)) continue;
      const inputGradients = step.backward(outputGradients, gradients);
      for (const [i, input] of step.inputs.entries()) {
        const contribution = inputGradients[i];
        if (!input.hasGradient || !contribution) continue;
        const known = gradients.get(input.name);
        gradients.set(input.name, known ? this.addNode('Add', [known, contribution], input.shape) : contribution);
      }
    }
  }

  /**
   * Add the backward pass.
   * @param loss a scalar
   * @param seed gradient of the final objective with respect to `loss`; a scalar
   * @returns the gradient of each parameter, in order and of its shape
   * @throws Error when the loss does not depend on a parameter
   */
  differentiate(loss: Value, parameters: readonly Value[], seed: Value): readonly Value[] {
    const gradients: Gradients = new Map([[loss.name, seed]]);
    this.#walkBack(this.#steps, gradients);
    return parameters.map((parameter) => {
      const gradient = gradients.get(parameter.name);
      if (!gradient) throw new Error(`the loss does not depend on the parameter ${parameter.name}`);
      return gradient;
    });
  }

  /** Give `value` out under `name`. */
  addOutput(name: string, value: Value): void {
    this.#nodes.push({ operator: 'Identity', inputs: [value.name], outputs: [name] });
    this.#outputs.push({ name, dataType: this.precision, shape: value.shape });
    this.#shapes.set(name, value.shape);
  }

  build(): BuiltGraph {
    return {
      shapes: this.#shapes,
      nodes: nameOutputs(foldSums(dropUnread(this.#nodes, this.#outputs), this.#shapes)),
      inputs: this.#inputs,
      outputs: this.#outputs,
      initializers: this.#initializers,
    };
  }
}
