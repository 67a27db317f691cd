export interface SequencePlanOptions {
  readonly sequenceTokens: number;
  readonly isPacked: boolean;
  /** Sequences computed together; without packing, those of one micro-batch are of similar lengths. */
  readonly microBatch: number;
  readonly seed: number;
  readonly epoch: number;
}

/** @returns indices of the examples in each sequence, in the order of training */
export function planSequences(
  examples: readonly { readonly tokens: { readonly length: number } }[],
  options: SequencePlanOptions,
): readonly (readonly number[])[] {
  throw new Error(`${examples.length} examples not planned yet (${options.seed})`);
}
