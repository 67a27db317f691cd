import type { LlamaContextSequence, Token } from 'node-llama-cpp';

/** A sequence and how far its cache may be reused. */
export interface PrefixCache {
  readonly sequence: LlamaContextSequence;
  /** Leading tokens that were evaluated in whole blocks, each starting at a multiple of the block size. */
  blockTokens: number;
}

/**
 * Brings a sequence to the state "all prompt tokens but the returned tail are evaluated".
 *
 * A prompt is always evaluated in blocks that start at multiples of `blockSize`, and only whole blocks are ever reused:
 * the logits of a model depend in their last digits on how tokens were grouped, so a cache that is cut anywhere would
 * let the previous request change a greedy answer. This way a cached prefix changes the time and nothing else. It also
 * bounds how long an abort waits: one block.
 *
 * @param tailTokens how many of the last tokens must stay unevaluated (at least 1: sampling starts from them)
 * @returns the tail, and how many leading tokens came from the cache
 * @throws the signal's reason when it aborts; the cache stays valid
 */
export async function prefillSequence(
  cache: PrefixCache,
  tokens: readonly Token[],
  options: { readonly tailTokens: number; readonly blockSize: number; readonly signal: AbortSignal },
): Promise<{ readonly tail: Token[]; readonly cachedTokens: number }> {
  const { sequence } = cache;
  const { blockSize } = options;
  options.signal.throwIfAborted();
  const evaluatedEnd = Math.max(0, tokens.length - options.tailTokens);
  const reusable = Math.min(countShared(sequence.contextTokens, tokens), cache.blockTokens, evaluatedEnd);
  // Until the cache is cut and filled again, an error must not leave a promise that it cannot keep.
  cache.blockTokens = 0;
  await sequence.adaptStateToTokens(tokens.slice(0, Math.floor(reusable / blockSize) * blockSize), false);
  // Models with a recurrent state cannot be cut back; they start again from nothing.
  const cachedTokens = sequence.nextTokenIndex;
  let position = cachedTokens;
  cache.blockTokens = position;
  while (position + blockSize <= evaluatedEnd) {
    await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(position, position + blockSize));
    position += blockSize;
    cache.blockTokens = position;
    options.signal.throwIfAborted();
  }
  return { tail: tokens.slice(position), cachedTokens };
}

function countShared(a: readonly Token[], b: readonly Token[]): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) if (a[index] !== b[index]) return index;
  return length;
}
