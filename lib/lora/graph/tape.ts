import type {
  Dimension,
  OnnxAttribute,
  OnnxDataType,
  OnnxGraph,
  OnnxInitializer,
  OnnxNode,
  OnnxTensorInfo,
} from './encode-onnx.ts';

/**
 * A graph under construction, with reverse-mode differentiation: every differentiable operation records how its inputs'
 * gradients follow from its output's, and `differentiate` walks the record backwards, adding the backward nodes to the same
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
  readonly output: Value;
  readonly inputs: readonly Value[];
  readonly backward: Backward;
}

/** A graph with the shapes of what its nodes give, for estimates of memory. */
export interface BuiltGraph extends OnnxGraph {
  readonly shapes: ReadonlyMap<string, readonly Dimension[]>;
}

export class Tape {
  readonly #nodes: OnnxNode[] = [];
  readonly #inputs: OnnxTensorInfo[] = [];
  readonly #outputs: OnnxTensorInfo[] = [];
  readonly #initializers: OnnxInitializer[] = [];
  readonly #constants = new Map<string, Value>();
  readonly #steps: Step[] = [];
  readonly #shapes = new Map<string, readonly Dimension[]>();
  readonly #precision: 'float32' | 'float64';
  #count = 0;

  /** @param precision f64 serves tests that compare gradients with central differences */
  constructor(precision: 'float32' | 'float64' = 'float32') {
    this.#precision = precision;
  }

  /** An array that the caller gives with every run. */
  addInput(name: string, shape: readonly Dimension[]): Value {
    this.#inputs.push({ name, dataType: this.#precision, shape });
    return { name, shape, hasGradient: false };
  }

  /** An array of whole numbers that the caller gives with every run. */
  addIndexInput(name: string, shape: readonly Dimension[]): Value {
    this.#inputs.push({ name, dataType: 'int64', shape });
    return { name, shape, hasGradient: false };
  }

  /** An input whose gradient is wanted. */
  addParameter(name: string, shape: readonly number[]): Value {
    this.#inputs.push({ name, dataType: this.#precision, shape });
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
    const Numbers = this.#precision === 'float32' ? Float32Array : Float64Array;
    return this.#reuse(key, shape, this.#precision, () => new Uint8Array(Numbers.from(values).buffer));
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

  /** One node without a gradient of its own. */
  addNode(
    operator: string,
    inputs: readonly Value[],
    shape: readonly Dimension[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): Value {
    const name = `v${this.#count++}`;
    this.#nodes.push({ operator, inputs: inputs.map((input) => input.name), outputs: [name], attributes });
    this.#shapes.set(name, shape);
    return { name, shape, hasGradient: false };
  }

  /**
   * Make `value` differentiable with respect to `inputs`. `backward` is called at most once, and only when a parameter
   * influences an input and the loss depends on the value.
   */
  record(value: Value, inputs: readonly Value[], backward: Backward): Value {
    if (!inputs.some((input) => input.hasGradient)) return value;
    const output = { ...value, hasGradient: true };
    this.#steps.push({ output, inputs, backward });
    return output;
  }

  /**
   * Add the backward pass.
   * @param loss a scalar
   * @param seed gradient of the final objective with respect to `loss`; a scalar
   * @returns the gradient of each parameter, in order and of its shape
   * @throws Error when the loss does not depend on a parameter
   */
  differentiate(loss: Value, parameters: readonly Value[], seed: Value): readonly Value[] {
    const gradients = new Map<string, Value>([[loss.name, seed]]);
    for (const step of this.#steps.toReversed()) {
      const gradient = gradients.get(step.output.name);
      if (!gradient) continue;
      const inputGradients = step.backward(gradient);
      for (const [i, input] of step.inputs.entries()) {
        const contribution = inputGradients[i];
        if (!input.hasGradient || !contribution) continue;
        const known = gradients.get(input.name);
        gradients.set(input.name, known ? this.addNode('Add', [known, contribution], input.shape) : contribution);
      }
    }
    return parameters.map((parameter) => {
      const gradient = gradients.get(parameter.name);
      if (!gradient) throw new Error(`the loss does not depend on the parameter ${parameter.name}`);
      return gradient;
    });
  }

  /** Give `value` out under `name`. */
  addOutput(name: string, value: Value): void {
    this.#nodes.push({ operator: 'Identity', inputs: [value.name], outputs: [name] });
    this.#outputs.push({ name, dataType: this.#precision, shape: value.shape });
  }

  build(): BuiltGraph {
    return {
      shapes: this.#shapes,
      nodes: this.#nodes,
      inputs: this.#inputs,
      outputs: this.#outputs,
      initializers: this.#initializers,
    };
  }
}
