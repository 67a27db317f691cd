/**
 * The port through which training meets a base's tokenizer and chat template. The implementation is the one that serves, so
 * that an adapter is trained on exactly the token ids it will meet.
 */
export interface TrainingMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** Both arrays are of the same length. */
export interface TokenizedText {
  readonly tokens: Int32Array;
  /** 1 where the token is the assistant's: its words and the end-of-turn token that ends them. */
  readonly isLearned: Uint8Array;
}

export interface BaseTokenizer {
  /** SHA-256 (hex) of the chat template; stored with every adapter. */
  readonly templateSha256: string;
  /** @throws AppError `input.invalid` when the chat template refuses the order of roles */
  tokenizeConversation(messages: readonly TrainingMessage[]): TokenizedText;
  /** Plain text, with bos (when the model wants one) in front and eos behind; everything is learned except bos. */
  tokenizeText(text: string): TokenizedText;
}
