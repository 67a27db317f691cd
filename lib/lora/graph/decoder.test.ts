import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { type DecoderConfig, sizeOfModule, targetModules } from '../architectures/architecture.ts';
import { createNumbers, findWrongGradients } from '../testing/central-differences.ts';
import { type AdapterPair, buildDecoder, type Recomputed } from './decoder.ts';
import { encodeOnnx } from './encode-onnx.ts';
import { crossEntropy } from './operations.ts';
import { createQuarterTurn, createRotaryTables } from './rotary.ts';
import { Tape, type Value } from './tape.ts';

const common = {
  layerCount: 2,
  hiddenSize: 12,
  headCount: 4,
  keyValueHeadCount: 2,
  headSize: 4,
  feedForwardSize: 10,
  vocabularySize: 11,
  contextTokens: 64,
  normEpsilon: 1e-5,
  rotaryBase: 10_000,
  rotarySize: 4,
  rotaryScale: 1,
  hasTiedHead: true,
};
const configs: readonly DecoderConfig[] = [
  { ...common, architecture: 'llama', rotaryPairs: 'neighbours', hasAttentionBias: false, hasHeadNorm: false },
  { ...common, architecture: 'qwen2', rotaryPairs: 'halves', hasAttentionBias: true, hasHeadNorm: false },
  { ...common, architecture: 'qwen3', rotaryPairs: 'halves', hasAttentionBias: false, hasHeadNorm: true },
];

const countValues = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);

const TOKENS = [3, 7, 1, 9, 2];
/** Positions with a loss. */
const ROWS = [1, 3, 4];
const RANK = 2;

/** Shape of a frozen tensor of the tiny model, by its name in the file. */
function shapeOf(config: DecoderConfig, name: string): readonly number[] {
  if (name === 'token_embd.weight') return [config.vocabularySize, config.hiddenSize];
  const part = /^blk\.\d+\.(\w+)\.(weight|bias)$/.exec(name);
  const layer = Number(/^blk\.(\d+)/.exec(name)?.[1] ?? -1);
  const module = targetModules.find((candidate) => layer >= 0 && name === ggufNameOf(layer, candidate));
  if (module) {
    const { inputs, outputs } = sizeOfModule(config, module);
    return [outputs, inputs];
  }
  if (part?.[2] === 'bias')
    return [(part[1] === 'attn_q' ? config.headCount : config.keyValueHeadCount) * config.headSize];
  return [/attn_(q|k)_norm/.test(name) ? config.headSize : config.hiddenSize];
}
const ggufNameOf = (layer: number, module: string) =>
  `blk.${layer}.${
    {
      q_proj: 'attn_q',
      k_proj: 'attn_k',
      v_proj: 'attn_v',
      o_proj: 'attn_output',
      gate_proj: 'ffn_gate',
      up_proj: 'ffn_up',
      down_proj: 'ffn_down',
    }[module]
  }.weight`;

interface Tiny {
  readonly session: InferenceSession;
  readonly feeds: Record<string, Tensor>;
  readonly parameters: readonly { readonly name: string; readonly data: Float64Array }[];
}

const indices = (values: readonly number[]) => new Tensor('int64', BigInt64Array.from(values, BigInt), [values.length]);

async function buildTiny(
  config: DecoderConfig,
  precision: 'float32' | 'float64' = 'float64',
  recomputed: Recomputed = 'nothing',
): Promise<Tiny> {
  const tape = new Tape(precision);
  const next = createNumbers(3);
  const feeds: Record<string, Tensor> = {};
  const feed = (name: string, data: Float64Array, dims: readonly number[]) => {
    feeds[name] =
      precision === 'float64'
        ? new Tensor('float64', data, [...dims])
        : new Tensor('float32', Float32Array.from(data), [...dims]);
  };
  const weights = new Map<string, Value>();
  const weight = (name: string): Value => {
    const known = weights.get(name);
    if (known) return known;
    const shape = shapeOf(config, name);
    const value = tape.addInput(name, shape);
    weights.set(name, value);
    feed(
      name,
      Float64Array.from({ length: countValues(shape) }, () => next() * (shape.length === 1 ? 1 : 0.5)),
      shape,
    );
    return value;
  };
  const parameters: { value: Value; name: string; data: Float64Array }[] = [];
  const addParameter = (name: string, shape: readonly number[]): Value => {
    const value = tape.addParameter(name, shape);
    const data = Float64Array.from({ length: countValues(shape) }, next);
    parameters.push({ value, name, data });
    feed(name, data, shape);
    return value;
  };
  const size = TOKENS.length;
  const inputs = {
    tokens: tape.addIndexInput('tokens', ['T']),
    cos: tape.addInput('cos', ['T', 1, config.headSize]),
    sin: tape.addInput('sin', ['T', 1, config.headSize]),
    mask: tape.addInput('mask', ['T', 'T']),
    rows: tape.addIndexInput('rows', ['L']),
  };
  const adapters = new Map<string, AdapterPair>();
  const states = buildDecoder(
    tape,
    config,
    {
      weight,
      adapter: (layer, module) => {
        const key = `${layer}.${module}`;
        const { inputs: from, outputs: to } = sizeOfModule(config, module);
        const pair = adapters.get(key) ?? {
          down: addParameter(`${key}.down`, [RANK, from]),
          up: addParameter(`${key}.up`, [to, RANK]),
          factor: 0.5,
        };
        adapters.set(key, pair);
        return pair;
      },
      dropOut: null,
    },
    inputs,
    recomputed,
  );
  const loss = crossEntropy(
    tape,
    states,
    weight('token_embd.weight'),
    tape.addIndexInput('targets', ['L']),
    tape.addInput('weights', ['L']),
  );
  const gradients = tape.differentiate(
    loss.sum,
    parameters.map(({ value }) => value),
    tape.addConstant([1]),
  );
  tape.addOutput('loss', loss.sum);
  tape.addOutput('states', states);
  gradients.forEach((gradient, i) => tape.addOutput(`gradient.${parameters[i]?.name}`, gradient));

  const { cos, sin } = createRotaryTables(
    config,
    TOKENS.map((_, i) => i),
    null,
  );
  feeds['tokens'] = new Tensor('int64', BigInt64Array.from(TOKENS, BigInt), [size]);
  feed('cos', Float64Array.from(cos), [size, 1, config.headSize]);
  feed('sin', Float64Array.from(sin), [size, 1, config.headSize]);
  feed(
    'mask',
    Float64Array.from({ length: size * size }, (_, i) => (i % size > Math.floor(i / size) ? -1e9 : 0)),
    [size, size],
  );
  feeds['rows'] = indices(ROWS);
  feeds['targets'] = indices([4, 0, 8]);
  feed('weights', Float64Array.from([1, 0.5, 1]), [3]);
  const session = await InferenceSession.create(encodeOnnx(tape.build()), {
    intraOpNumThreads: 1,
    graphOptimizationLevel: 'basic',
  });
  return { session, feeds, parameters };
}

const numbersOf = (tensor: Tensor | undefined) => Array.from((tensor?.data ?? []) as Float64Array);

describe('decoder', () => {
  it.each(
    configs.flatMap((config) => [
      { config, recomputed: 'nothing' as const },
      { config, recomputed: 'blocks' as const },
    ]),
  )(
    '$config.architecture, $recomputed recomputed: adapter gradients equal central differences',
    async ({ config, recomputed }) => {
      const { session, feeds, parameters } = await buildTiny(config, 'float64', recomputed);
      const lossOf = async () => Number((await session.run(feeds, ['loss']))['loss']?.data[0]);
      const result = await session.run(feeds);
      const next = createNumbers(21);
      // Three elements of every factor: enough to catch a wrong path, quick enough to run every time.
      const checked = parameters.map(({ name, data }) => ({
        name,
        data,
        gradient: numbersOf(result[`gradient.${name}`]),
        elements: Array.from({ length: 3 }, () => Math.floor(((next() + 1) / 2) * data.length)),
      }));
      expect(await findWrongGradients(checked, lossOf)).toEqual([]);
      await session.release();
    },
  );

  it.each(
    configs.flatMap((config) =>
      (['nothing', 'probabilities', 'blocks'] as const).map((recomputed) => ({ config, recomputed })),
    ),
  )(
    '$config.architecture, $recomputed recomputed: f32, with the nodes of its own, agrees with f64',
    async ({ config, recomputed }) => {
      const exact = await buildTiny(config);
      const { session, feeds } = await buildTiny(config, 'float32', recomputed);
      const [expected, result] = [await exact.session.run(exact.feeds), await session.run(feeds)];
      for (const name of Object.keys(expected)) {
        const [wanted, got] = [numbersOf(expected[name]), numbersOf(result[name])];
        const largest = Math.max(...wanted.map(Math.abs));
        const differences = wanted.map((value, i) => Math.abs(value - (got[i] ?? Number.NaN)));
        expect(Math.max(...differences), `output ${name}`).toBeLessThan(1e-5 * largest);
      }
      await Promise.all([exact.session.release(), session.release()]);
    },
  );

  it('does not let a token see what follows it', async () => {
    const [config] = configs;
    if (!config) throw new Error('no configuration');
    const { session, feeds } = await buildTiny(config);
    const before = (await session.run(feeds, ['states']))['states'];
    const changed = {
      ...feeds,
      tokens: new Tensor('int64', BigInt64Array.from([...TOKENS.slice(0, 4), 10], BigInt), [TOKENS.length]),
    };
    const after = (await session.run(changed, ['states']))['states'];
    const width = config.hiddenSize;
    const rows = (tensor: Tensor | undefined, from: number, to: number) =>
      numbersOf(tensor).slice(from * width, to * width);
    // The states of positions 1, 3 and 4: the changed token is the last one.
    expect(rows(after, 0, 2)).toEqual(rows(before, 0, 2));
    expect(rows(after, 2, 3)).not.toEqual(rows(before, 2, 3));
    await session.release();
  });

  it.each(configs)('$architecture: four quarter turns are none', (config) => {
    const turn = createQuarterTurn(config);
    const { headSize } = config;
    const apply = (x: readonly number[]) =>
      Array.from({ length: headSize }, (_, j) => x.reduce((sum, v, i) => sum + v * (turn[i * headSize + j] ?? 0), 0));
    const x = [1, 2, 3, 4];
    expect(apply(apply(x))).toEqual(x.map((v) => -v));
  });
});
