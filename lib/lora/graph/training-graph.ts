import { type DecoderConfig, sizeOfModule, type TargetModule } from '../architectures/architecture.ts';
import type { WeightLayout } from '../base/weight-cache.ts';
import { type LoraConfig, scaleOf } from '../train/train-config.ts';
import { type AdapterInput, type AdapterPair, adapterInputs, buildDecoder, type Recomputed } from './decoder.ts';
import { encodeOnnx } from './encode-onnx.ts';
import { crossEntropy, scale } from './operations.ts';
import { type BuiltGraph, Tape, type Value } from './tape.ts';

/** One factor of the adapter: an input of the graph, and with `gradient.` before its name an output. */
export interface FactorSpec {
  readonly name: string;
  readonly layer: number;
  readonly module: TargetModule;
  readonly part: 'down' | 'up';
  readonly shape: readonly [number, number];
}

/** Factors of an adapter of this shape, in the order of the graph. */
export function listFactors(config: DecoderConfig, lora: LoraConfig): readonly FactorSpec[] {
  const firstLayer = lora.topLayers === null ? 0 : Math.max(0, config.layerCount - lora.topLayers);
  const layers = Array.from({ length: config.layerCount - firstLayer }, (_, i) => firstLayer + i);
  return layers.flatMap((layer) =>
    lora.modules.flatMap((module): FactorSpec[] => {
      const { inputs, outputs } = sizeOfModule(config, module);
      return [
        { name: `${layer}.${module}.down`, layer, module, part: 'down', shape: [lora.rank, inputs] },
        { name: `${layer}.${module}.up`, layer, module, part: 'up', shape: [outputs, lora.rank] },
      ];
    }),
  );
}

/** Extra columns of the noise, so that every input of adapters can read a stretch of its own. */
const NOISE_OFFSETS = 1021;
/** Distance of these stretches: no divisor of {@link NOISE_OFFSETS}, so that so many inputs have each their own. */
const NOISE_STRIDE = 7;

export function countNoiseColumns(config: DecoderConfig): number {
  return Math.max(config.hiddenSize, config.feedForwardSize, config.headCount * config.headSize) + NOISE_OFFSETS;
}

/**
 * Inverted dropout from one array of uniform noise. Every input of adapters reads a stretch of its columns, shifted against
 * all others: an element of one layer shares its draw with other elements of other layers, and with none of its own layer.
 */
function createDropout(tape: Tape, config: DecoderConfig, share: number) {
  const noise = tape.addInput('noise', ['T', countNoiseColumns(config)]);
  const kept = tape.addNode(
    'Floor',
    [tape.addNode('Add', [noise, tape.addConstant([1 - share])], noise.shape)],
    noise.shape,
  );
  const masks = tape.addNode('Mul', [kept, tape.addConstant([1 / (1 - share)])], noise.shape);
  const kinds = Object.keys(adapterInputs);
  return (x: Value, layer: number, input: AdapterInput): Value => {
    const offset = ((layer * kinds.length + kinds.indexOf(input)) * NOISE_STRIDE) % NOISE_OFFSETS;
    // The bound of the rows comes from x, so a mask that is made again waits until x is.
    const rows = tape.addNode('Shape', [x], [1], { start: 0, end: 1 });
    const end = tape.addNode('Concat', [rows, tape.addIndexConstant([offset + Number(x.shape[1])])], [2], { axis: 0 });
    const bounds = [tape.addIndexConstant([0, offset]), end, tape.addIndexConstant([0, 1])];
    return scale(tape, x, tape.addNode('Slice', [masks, ...bounds], x.shape));
  };
}

export interface GraphOptions {
  readonly hasBackward: boolean;
  readonly hasLogits?: boolean;
  /** Default `probabilities`: less memory for a percent of the time. */
  readonly recomputed?: Recomputed;
}

/**
 * The whole training computation as one graph: forward, loss and, when `hasBackward`, the gradients of all factors.
 * Inputs: `tokens` [T], `cos` and `sin` [T, 1, headSize], `mask` [T, T], `rows`, `targets` and `weights` [L] (the
 * positions with a loss), with dropout `noise` [T, columns], uniform in [0, 1), and every factor by its name.
 * Outputs: `loss` (weighted sum), `perRow` [L, 1], `gradient.<factor>`, and when `hasLogits` `logits` [L, vocabulary].
 * @param dataFileName the weights' file, in the directory where the model will lie
 */
export function buildTrainingGraph(
  config: DecoderConfig,
  lora: LoraConfig | null,
  layout: WeightLayout,
  dataFileName: string,
  options: GraphOptions,
): BuiltGraph {
  const tape = new Tape();
  const weights = new Map<string, Value>();
  const weight = (name: string): Value => {
    const known = weights.get(name);
    if (known) return known;
    const place = layout.tensors[name];
    if (!place) throw new RangeError(`the base has no tensor ${name}`);
    const value = tape.addExternalWeight(name, place.shape, {
      fileName: dataFileName,
      byteOffset: place.byteOffset,
      byteLength: place.byteLength,
    });
    weights.set(name, value);
    return value;
  };

  const factors = lora ? listFactors(config, lora) : [];
  const parameters = factors.map(({ name, shape }) => tape.addParameter(name, shape));
  const byName = new Map(parameters.map((value) => [value.name, value]));
  const factor = lora ? scaleOf(lora) : 0;
  const adapter = (layer: number, module: TargetModule): AdapterPair | undefined => {
    const down = byName.get(`${layer}.${module}.down`);
    const up = byName.get(`${layer}.${module}.up`);
    return down && up ? { down, up, factor } : undefined;
  };
  const dropOut = lora && options.hasBackward && lora.dropout > 0 ? createDropout(tape, config, lora.dropout) : null;

  const states = buildDecoder(
    tape,
    config,
    { weight, adapter, dropOut },
    {
      tokens: tape.addIndexInput('tokens', ['T']),
      cos: tape.addInput('cos', ['T', 1, config.headSize]),
      sin: tape.addInput('sin', ['T', 1, config.headSize]),
      mask: tape.addInput('mask', ['T', 'T']),
      rows: tape.addIndexInput('rows', ['L']),
    },
    options.recomputed ?? 'probabilities',
  );
  const { sum, perRow, logits } = crossEntropy(
    tape,
    states,
    weight(config.hasTiedHead ? 'token_embd.weight' : 'output.weight'),
    tape.addIndexInput('targets', ['L']),
    tape.addInput('weights', ['L']),
  );
  tape.addOutput('loss', sum);
  tape.addOutput('perRow', perRow);
  if (options.hasLogits) tape.addOutput('logits', logits);
  if (options.hasBackward)
    for (const [i, gradient] of tape.differentiate(sum, parameters, tape.addConstant([1])).entries())
      tape.addOutput(`gradient.${factors[i]?.name}`, gradient);
  return tape.build();
}

/** Bytes of the ONNX model of {@link buildTrainingGraph}. */
export function encodeTrainingGraph(...parameters: Parameters<typeof buildTrainingGraph>): Uint8Array {
  return encodeOnnx(buildTrainingGraph(...parameters));
}
