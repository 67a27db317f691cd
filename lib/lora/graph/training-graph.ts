import { type DecoderConfig, sizeOfModule, type TargetModule } from '../architectures/architecture.ts';
import type { WeightLayout } from '../base/weight-cache.ts';
import { type LoraConfig, scaleOf } from '../train/train-config.ts';
import { type AdapterPair, buildDecoder } from './decoder.ts';
import { encodeOnnx } from './encode-onnx.ts';
import { crossEntropy, linear, scale, takeRows } from './operations.ts';
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

/** Extra columns of the noise, so that every adapted layer can read a stretch of its own. */
const NOISE_OFFSETS = 1021;

export function countNoiseColumns(config: DecoderConfig): number {
  return Math.max(config.hiddenSize, config.feedForwardSize, config.headCount * config.headSize) + NOISE_OFFSETS;
}

/**
 * Inverted dropout from two shared arrays of uniform noise. A layer adds a stretch of each, modulo 1: the sum is uniform
 * again, and for two layers with different stretches independent. So a step draws two arrays, not one for every layer.
 */
function createDropout(tape: Tape, config: DecoderConfig, share: number) {
  const columns = countNoiseColumns(config);
  const noises = [tape.addInput('noise.a', ['T', columns]), tape.addInput('noise.b', ['T', columns])];
  const keep = tape.addConstant([1 - share]);
  const inverse = tape.addConstant([1 / (1 - share)]);
  let use = 0;
  return (x: Value): Value => {
    const width = Number(x.shape[1]);
    // Two strides without a common factor: no two layers read the same pair of stretches.
    const offsets = [(use * 7) % NOISE_OFFSETS, (use * 13) % (NOISE_OFFSETS - 2)];
    use++;
    const stretches = noises.map((noise, i) => {
      const start = offsets[i] ?? 0;
      const bounds = [[start], [start + width], [1]].map((values) => tape.addIndexConstant(values));
      return tape.addNode('Slice', [noise, ...bounds], x.shape);
    });
    const sum = tape.addNode('Add', stretches, x.shape);
    const uniform = tape.addNode('Sub', [sum, tape.addNode('Floor', [sum], x.shape)], x.shape);
    const mask = tape.addNode('Floor', [tape.addNode('Add', [uniform, keep], x.shape)], x.shape);
    return scale(tape, x, tape.addNode('Mul', [mask, inverse], x.shape));
  };
}

export interface GraphOptions {
  readonly hasBackward: boolean;
  readonly hasLogits?: boolean;
}

/**
 * The whole training computation as one graph: forward, loss and, when `hasBackward`, the gradients of all factors.
 * Inputs: `tokens` [T], `cos` and `sin` [T, 1, headSize], `mask` [group·T, T], `rows`, `targets` and `weights` [L] (the
 * positions with a loss), with dropout `noise.a` and `noise.b` [T, columns], and every factor by its name.
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
  const scaling = tape.addConstant([lora ? scaleOf(lora) : 0]);
  const adapter = (layer: number, module: TargetModule): AdapterPair | undefined => {
    const down = byName.get(`${layer}.${module}.down`);
    const up = byName.get(`${layer}.${module}.up`);
    return down && up ? { down, up, scaling } : undefined;
  };
  const dropOut =
    lora && options.hasBackward && lora.dropout > 0 ? createDropout(tape, config, lora.dropout) : (x: Value) => x;

  const states = buildDecoder(
    tape,
    config,
    { weight, adapter, dropOut },
    {
      tokens: tape.addIndexInput('tokens', ['T']),
      cos: tape.addInput('cos', ['T', 1, config.headSize]),
      sin: tape.addInput('sin', ['T', 1, config.headSize]),
      mask: tape.addInput('mask', ['R', 'T']),
    },
  );
  const rows = takeRows(tape, states, tape.addIndexInput('rows', ['L']));
  const logits = linear(tape, rows, weight(config.hasTiedHead ? 'token_embd.weight' : 'output.weight'));
  const { sum, perRow } = crossEntropy(
    tape,
    logits,
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
