import { type DecoderConfig, readDecoderConfig } from '../architectures/architecture.ts';
import { dequantise } from '../gguf/dequantise.ts';
import { openGguf } from '../gguf/read-gguf.ts';
import { planLayout, type WeightLayout } from './weight-cache.ts';

/** What training and scoring know of a base before any of its weights is read. */
export interface BaseHeader {
  readonly config: DecoderConfig;
  /** Where each tensor will stand in the cache file. */
  readonly layout: WeightLayout;
  /** Divisors of the rotary frequencies (Llama 3), [rotarySize / 2]; null where the base has none. */
  readonly frequencyFactors: Float32Array | null;
}

/** @throws AppError `gguf.*`, `adapter.architecture-unsupported` */
export async function readBaseHeader(ggufPath: string): Promise<BaseHeader> {
  const gguf = await openGguf(ggufPath);
  try {
    const factors = gguf.tensors.get('rope_freqs.weight');
    return {
      config: readDecoderConfig(gguf),
      layout: planLayout(gguf.tensors.values()),
      frequencyFactors: factors ? dequantise(factors.type, await gguf.readTensorBytes(factors)) : null,
    };
  } finally {
    await gguf.close();
  }
}
