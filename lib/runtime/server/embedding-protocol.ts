/** Messages between the runtime and its embedding thread. */
export interface EmbeddingWorkerData {
  readonly modelPath: string;
  readonly tokenizerPath: string;
  readonly pooling: 'mean' | 'cls';
  /** Window of the model, special tokens included; longer texts are cut. */
  readonly maxTokens: number;
  readonly threads: number;
}

export type EmbeddingWorkerRequest =
  | { readonly type: 'embed'; readonly id: number; readonly texts: readonly string[] }
  | {
      readonly type: 'tokenize';
      readonly id: number;
      readonly texts: readonly string[];
      readonly addSpecialTokens: boolean;
    };

export type EmbeddingWorkerReply =
  | { readonly type: 'ready'; readonly dimensions: number }
  | {
      readonly type: 'embedded';
      readonly id: number;
      /** L2-normalised, `[texts.length, dimensions]`. */
      readonly vectors: Float32Array[];
      readonly promptTokens: number;
    }
  | { readonly type: 'tokenized'; readonly id: number; readonly tokens: number[][] }
  | { readonly type: 'failed'; readonly id: number; readonly message: string };
