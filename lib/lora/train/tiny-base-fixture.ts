import { nameTensor, sizeOfModule, targetModules } from '../architectures/architecture.ts';
import { ggmlTypes } from '../gguf/ggml-types.ts';
import { type GgufMetadataInput, writeGguf } from '../gguf/write-gguf.ts';
import { createRandom, drawNormal } from './random.ts';

/** A llama of two layers with random weights: large enough to learn a sentence by heart, small enough for a unit test. */
export const tinySizes = {
  layerCount: 2,
  hiddenSize: 32,
  headCount: 4,
  keyValueHeadCount: 2,
  headSize: 8,
  feedForwardSize: 48,
  vocabularySize: 40,
} as const;

const tensor = (name: string, shape: readonly number[], values: Float32Array) => ({
  name,
  shape,
  type: ggmlTypes.F32,
  pieces: () => [new Uint8Array(values.buffer)],
});

export async function writeTinyBase(file: string, seed: number): Promise<void> {
  const random = createRandom(seed);
  const sizes = tinySizes;
  const metadata = new Map<string, GgufMetadataInput>([
    ['general.architecture', 'llama'],
    ['llama.block_count', { uint32: sizes.layerCount }],
    ['llama.embedding_length', { uint32: sizes.hiddenSize }],
    ['llama.feed_forward_length', { uint32: sizes.feedForwardSize }],
    ['llama.context_length', { uint32: 64 }],
    ['llama.attention.head_count', { uint32: sizes.headCount }],
    ['llama.attention.head_count_kv', { uint32: sizes.keyValueHeadCount }],
    ['llama.attention.layer_norm_rms_epsilon', { float32: 1e-5 }],
    ['llama.rope.dimension_count', { uint32: sizes.headSize }],
  ]);
  const matrix = (name: string, inputs: number, outputs: number) => {
    const values = Float32Array.from({ length: inputs * outputs }, () => drawNormal(random) / Math.sqrt(inputs));
    return tensor(name, [inputs, outputs], values);
  };
  const norm = (name: string) => tensor(name, [sizes.hiddenSize], new Float32Array(sizes.hiddenSize).fill(1));
  await writeGguf(file, metadata, [
    matrix('token_embd.weight', sizes.hiddenSize, sizes.vocabularySize),
    matrix('output.weight', sizes.hiddenSize, sizes.vocabularySize),
    norm('output_norm.weight'),
    ...Array.from({ length: sizes.layerCount }, (_, layer) => [
      norm(`blk.${layer}.attn_norm.weight`),
      norm(`blk.${layer}.ffn_norm.weight`),
      ...targetModules.map((module) => {
        const { inputs, outputs } = sizeOfModule(sizes, module);
        return matrix(nameTensor(layer, module), inputs, outputs);
      }),
    ]).flat(),
  ]);
}
