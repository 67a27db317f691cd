import { AppError } from '#lib/domain/errors.ts';
import type { GgufHeader, GgufValue } from '../gguf/read-gguf.ts';

/** What sets one decoder family apart from another, as far as the forward pass goes. */
interface Architecture {
  /** Which elements of a head the rotary embedding turns together: 2i with 2i+1, or i with i + size/2. */
  readonly rotaryPairs: 'neighbours' | 'halves';
  readonly hasAttentionBias: boolean;
  /** RMSNorm of every query and key head before the rotary embedding. */
  readonly hasHeadNorm: boolean;
}

/**
 * A sliding window that a file declares is not applied: for these architectures llama.cpp, which serves, reads over it, and an
 * adapter is to be trained with the attention that it will meet. Up to the window's length there is no difference.
 *
 * Keyed by `general.architecture` of the GGUF file. `llama` covers TinyLlama, Llama 2 and 3, Mistral and SmolLM.
 */
const architectures: Readonly<Record<string, Architecture>> = {
  llama: { rotaryPairs: 'neighbours', hasAttentionBias: false, hasHeadNorm: false },
  qwen2: { rotaryPairs: 'halves', hasAttentionBias: true, hasHeadNorm: false },
  qwen3: { rotaryPairs: 'halves', hasAttentionBias: false, hasHeadNorm: true },
};

export interface DecoderConfig extends Architecture {
  readonly architecture: string;
  readonly layerCount: number;
  /** Width of the residual stream. */
  readonly hiddenSize: number;
  readonly headCount: number;
  /** Groups of query heads share a key and value head. */
  readonly keyValueHeadCount: number;
  readonly headSize: number;
  readonly feedForwardSize: number;
  readonly vocabularySize: number;
  /** Tokens the base was trained for. */
  readonly contextTokens: number;
  readonly normEpsilon: number;
  readonly rotaryBase: number;
  /** Elements of a head that are turned; the rest pass unchanged. */
  readonly rotarySize: number;
  /** Positions are divided by this (linear scaling); 1 for none. */
  readonly rotaryScale: number;
  /** True when the output head is the token embedding. */
  readonly hasTiedHead: boolean;
}

function unsupported(message: string): AppError {
  return new AppError({ code: 'adapter.architecture-unsupported', message, details: {} });
}

function readNumber(metadata: ReadonlyMap<string, GgufValue>, key: string, fallback?: number): number {
  const value = metadata.get(key);
  if (value === undefined && fallback !== undefined) return fallback;
  const number = typeof value === 'bigint' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number))
    throw unsupported(`the base's metadata has ${key} = ${String(value)}, expected one number`);
  return number;
}

/** Shape of a tensor, first dimension contiguous. @throws AppError when the base has none of that name */
function requireShape(gguf: GgufHeader, name: string): readonly number[] {
  const tensor = gguf.tensors.get(name);
  if (!tensor) throw unsupported(`the base has no tensor ${name}`);
  return tensor.shape;
}

/** Tensors outside the layers that the forward pass reads. */
const outerTensors: ReadonlySet<string> = new Set([
  'token_embd.weight',
  'output.weight',
  'output_norm.weight',
  'rope_freqs.weight',
]);

/** A tensor that the graph would not read (another bias, experts) means that it would compute another model. */
function requireKnownTensors(gguf: GgufHeader, config: DecoderConfig): void {
  const inLayer = new Set([
    'attn_norm.weight',
    'ffn_norm.weight',
    ...Object.values(ggufNames).map((name) => `${name}.weight`),
    ...(config.hasAttentionBias ? ['attn_q.bias', 'attn_k.bias', 'attn_v.bias'] : []),
    ...(config.hasHeadNorm ? ['attn_q_norm.weight', 'attn_k_norm.weight'] : []),
  ]);
  for (const name of gguf.tensors.keys()) {
    const part = /^blk\.(\d+)\.(.+)$/.exec(name);
    const isKnown = part ? Number(part[1]) < config.layerCount && inLayer.has(part[2] ?? '') : outerTensors.has(name);
    if (!isKnown)
      throw unsupported(
        `the base has a tensor ${name}, which the architecture ${config.architecture} does not use here`,
      );
  }
}

/**
 * What the training graph needs to know of a base model, from its own file.
 * @throws AppError `adapter.architecture-unsupported` naming what was found and what is supported
 */
export function readDecoderConfig(gguf: GgufHeader): DecoderConfig {
  const { metadata } = gguf;
  const name = String(metadata.get('general.architecture'));
  const architecture = architectures[name];
  if (!architecture)
    throw unsupported(`the base's architecture is ${name}; supported: ${Object.keys(architectures).join(', ')}`);
  const scaling = metadata.get(`${name}.rope.scaling.type`);
  if (scaling !== undefined && scaling !== 'none' && scaling !== 'linear')
    throw unsupported(`the base scales its rotary embedding by ${String(scaling)}; supported: none, linear`);
  const magnitude = readNumber(metadata, `${name}.rope.scaling.attn_factor`, 1);
  if (magnitude !== 1)
    throw unsupported(
      `the base multiplies its rotary embedding by ${magnitude} (rope.scaling.attn_factor); supported: 1`,
    );
  // A factor without a type is linear, and its older name is still read, as llama.cpp does.
  const scalingFactor =
    readNumber(metadata, `${name}.rope.scaling.factor`, 0) || readNumber(metadata, `${name}.rope.scale_linear`, 0) || 1;
  const hiddenSize = readNumber(metadata, `${name}.embedding_length`);
  const headCount = readNumber(metadata, `${name}.attention.head_count`);
  const headSize = readNumber(metadata, `${name}.attention.key_length`, hiddenSize / headCount);
  const config: DecoderConfig = {
    ...architecture,
    architecture: name,
    layerCount: readNumber(metadata, `${name}.block_count`),
    hiddenSize,
    headCount,
    keyValueHeadCount: readNumber(metadata, `${name}.attention.head_count_kv`, headCount),
    headSize,
    feedForwardSize: readNumber(metadata, `${name}.feed_forward_length`),
    vocabularySize: requireShape(gguf, 'token_embd.weight')[1] ?? 0,
    contextTokens: readNumber(metadata, `${name}.context_length`),
    normEpsilon: readNumber(metadata, `${name}.attention.layer_norm_rms_epsilon`),
    rotaryBase: readNumber(metadata, `${name}.rope.freq_base`, 10_000),
    rotarySize: readNumber(metadata, `${name}.rope.dimension_count`, headSize),
    rotaryScale: scaling === 'none' ? 1 : scalingFactor,
    hasTiedHead: !gguf.tensors.has('output.weight'),
  };
  if (config.headCount % config.keyValueHeadCount !== 0)
    throw unsupported(`${config.headCount} query heads do not divide among ${config.keyValueHeadCount} key heads`);
  const valueSize = readNumber(metadata, `${name}.attention.value_length`, headSize);
  if (valueSize !== headSize)
    throw unsupported(
      `heads of the base have keys of ${headSize} and values of ${valueSize} elements; expected one size`,
    );
  requireKnownTensors(gguf, config);
  return config;
}

/** The frozen linear layers of a block that may carry an adapter, by PEFT's names. */
export const targetModules = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'] as const;
export type TargetModule = (typeof targetModules)[number];

const ggufNames: Readonly<Record<TargetModule, string>> = {
  q_proj: 'attn_q',
  k_proj: 'attn_k',
  v_proj: 'attn_v',
  o_proj: 'attn_output',
  gate_proj: 'ffn_gate',
  up_proj: 'ffn_up',
  down_proj: 'ffn_down',
};

/** Name of a frozen weight in the GGUF file. */
export function nameTensor(layer: number, module: TargetModule): string {
  return `blk.${layer}.${ggufNames[module]}.weight`;
}

/** What {@link nameTensor} names, or null when `name` is no linear layer of a block. */
export function parseTensorName(name: string): { readonly layer: number; readonly module: TargetModule } | null {
  const [, layerText, ggufName] = /^blk\.(0|[1-9]\d{0,3})\.(\w+)\.weight$/.exec(name) ?? [];
  const module = targetModules.find((candidate) => ggufNames[candidate] === ggufName);
  return module && layerText !== undefined ? { layer: Number(layerText), module } : null;
}

type ModuleSizes = Pick<
  DecoderConfig,
  'hiddenSize' | 'headCount' | 'keyValueHeadCount' | 'headSize' | 'feedForwardSize'
>;

/** Inputs and outputs of a linear layer. */
export function sizeOfModule(config: ModuleSizes, module: TargetModule): { inputs: number; outputs: number } {
  const attention = config.headCount * config.headSize;
  const keyValue = config.keyValueHeadCount * config.headSize;
  switch (module) {
    case 'q_proj':
      return { inputs: config.hiddenSize, outputs: attention };
    case 'k_proj':
    case 'v_proj':
      return { inputs: config.hiddenSize, outputs: keyValue };
    case 'o_proj':
      return { inputs: attention, outputs: config.hiddenSize };
    case 'gate_proj':
    case 'up_proj':
      return { inputs: config.hiddenSize, outputs: config.feedForwardSize };
    case 'down_proj':
      return { inputs: config.feedForwardSize, outputs: config.hiddenSize };
  }
}
