import { type DecoderConfig, nameTensor, sizeOfModule, targetModules } from '../architectures/architecture.ts';
import { ggmlTypes } from '../gguf/ggml-types.ts';
import { openGguf } from '../gguf/read-gguf.ts';
import { type GgufMetadataInput, type GgufTensorInput, writeGguf } from '../gguf/write-gguf.ts';
import { createRandom, drawNormal } from '../train/random.ts';

export type TinySizes = Pick<
  DecoderConfig,
  'layerCount' | 'hiddenSize' | 'headCount' | 'keyValueHeadCount' | 'headSize' | 'feedForwardSize' | 'vocabularySize'
>;

/** Two layers: large enough to learn a sentence by heart, small enough for a unit test. */
export const tinySizes: TinySizes = {
  layerCount: 2,
  hiddenSize: 32,
  headCount: 4,
  keyValueHeadCount: 2,
  headSize: 8,
  feedForwardSize: 48,
  vocabularySize: 40,
};

export interface TinyBaseOptions {
  /** Default `llama`. */
  readonly architecture?: 'llama' | 'qwen2' | 'qwen3';
  readonly sizes?: TinySizes;
  /** No head of its own: the token embedding serves. Default false. */
  readonly hasTiedHead?: boolean;
  /** Divisors of the rotary frequencies, `[headSize / 2]`, as Llama 3 has them. */
  readonly frequencyFactors?: readonly number[];
  /** Added to the sizes; the key's `*` stands for the architecture's name. */
  readonly metadata?: ReadonlyMap<string, GgufMetadataInput>;
}

/** The tokenizer of another file, as metadata for {@link writeTinyBase}. */
export async function readTokenizerMetadata(ggufPath: string): Promise<Map<string, GgufMetadataInput>> {
  const gguf = await openGguf(ggufPath);
  try {
    const keys = [...gguf.metadata.keys()].filter((key) => key.startsWith('tokenizer.'));
    return new Map(
      await Promise.all(keys.map(async (key) => [key, { verbatim: await gguf.readMetadataBytes(key) }] as const)),
    );
  } finally {
    await gguf.close();
  }
}

function describeSizes(sizes: TinySizes, options: TinyBaseOptions): Map<string, GgufMetadataInput> {
  const name = options.architecture ?? 'llama';
  const own: readonly (readonly [string, GgufMetadataInput])[] = [
    ['*.block_count', { uint32: sizes.layerCount }],
    ['*.embedding_length', { uint32: sizes.hiddenSize }],
    ['*.feed_forward_length', { uint32: sizes.feedForwardSize }],
    ['*.context_length', { uint32: 1024 }],
    ['*.attention.head_count', { uint32: sizes.headCount }],
    ['*.attention.head_count_kv', { uint32: sizes.keyValueHeadCount }],
    ['*.attention.key_length', { uint32: sizes.headSize }],
    ['*.attention.value_length', { uint32: sizes.headSize }],
    ['*.attention.layer_norm_rms_epsilon', { float32: 1e-5 }],
    ['*.rope.dimension_count', { uint32: sizes.headSize }],
    ...(options.metadata ?? []),
  ];
  return new Map([
    ['general.architecture', name],
    ...own.map(([key, value]) => [key.replace('*', name), value] as const),
  ]);
}

const tensor = (name: string, shape: readonly number[], values: Float32Array): GgufTensorInput => ({
  name,
  shape,
  type: ggmlTypes.F32,
  pieces: () => [new Uint8Array(values.buffer)],
});

/** Write a base with random F32 weights; the same seed and options give the same file. */
export async function writeTinyBase(file: string, seed: number, options: TinyBaseOptions = {}): Promise<void> {
  const sizes = options.sizes ?? tinySizes;
  const { hiddenSize, headSize, vocabularySize } = sizes;
  const drawWeight = createRandom(seed);
  const drawVector = createRandom(seed, 1);
  const matrix = (name: string, inputs: number, outputs: number) =>
    tensor(
      name,
      [inputs, outputs],
      Float32Array.from({ length: inputs * outputs }, () => drawNormal(drawWeight) / Math.sqrt(inputs)),
    );
  /** Values about `center`, unlike each other, so that a mistaken order shows. */
  const vector = (name: string, length: number, center: number) =>
    tensor(
      name,
      [length],
      Float32Array.from({ length }, () => center + 0.1 * drawNormal(drawVector)),
    );

  const buildLayer = (layer: number): GgufTensorInput[] => {
    const part = (name: string) => `blk.${layer}.${name}`;
    const biases = ['q_proj', 'k_proj', 'v_proj'] as const;
    return [
      vector(part('attn_norm.weight'), hiddenSize, 1),
      vector(part('ffn_norm.weight'), hiddenSize, 1),
      ...targetModules.map((module) => {
        const { inputs, outputs } = sizeOfModule(sizes, module);
        return matrix(nameTensor(layer, module), inputs, outputs);
      }),
      ...(options.architecture === 'qwen2'
        ? biases.map((module) =>
            vector(nameTensor(layer, module).replace(/weight$/, 'bias'), sizeOfModule(sizes, module).outputs, 0),
          )
        : []),
      ...(options.architecture === 'qwen3'
        ? [vector(part('attn_q_norm.weight'), headSize, 1), vector(part('attn_k_norm.weight'), headSize, 1)]
        : []),
    ];
  };
  await writeGguf(file, describeSizes(sizes, options), [
    matrix('token_embd.weight', hiddenSize, vocabularySize),
    ...(options.hasTiedHead ? [] : [matrix('output.weight', hiddenSize, vocabularySize)]),
    vector('output_norm.weight', hiddenSize, 1),
    ...(options.frequencyFactors
      ? [tensor('rope_freqs.weight', [headSize / 2], Float32Array.from(options.frequencyFactors))]
      : []),
    ...Array.from({ length: sizes.layerCount }, (_, layer) => buildLayer(layer)).flat(),
  ]);
}
