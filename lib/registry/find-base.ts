import type { DecoderConfig } from '#lib/lora/architectures/architecture.ts';

/** The base model of this installation, as far as adapters ask for it. */
export interface LocalBase {
  /** Catalog id, or the absolute path of a GGUF. */
  readonly id: string;
  readonly path: string;
  /** Of the GGUF file. */
  readonly sha256: string;
  readonly config: DecoderConfig;
}

export type FindBase = () => Promise<LocalBase>;
