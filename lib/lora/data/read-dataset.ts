import type { BaseTokenizer } from './tokenizer.ts';

export interface TrainingExample {
  /** Where the example begins in the file, from 1. */
  readonly line: number;
  readonly tokens: Int32Array;
  readonly isLearned: Uint8Array;
}

export interface RowProblem {
  readonly line: number;
  readonly reason: string;
  readonly kind: 'malformed' | 'empty' | 'too-long' | 'nothing-to-learn';
}

export interface TokenizedDataset {
  readonly examples: readonly TrainingExample[];
  readonly problems: readonly RowProblem[];
  readonly rowCount: number;
  /** Of the file's bytes, hex. */
  readonly sha256: string;
}

export async function readDataset(
  file: string,
  tokenizer: BaseTokenizer,
  options: { readonly sequenceTokens: number; readonly isLossOnAssistantOnly: boolean },
): Promise<TokenizedDataset> {
  throw new Error(`${file}: not read yet (${tokenizer.templateSha256}, ${options.sequenceTokens})`);
}
