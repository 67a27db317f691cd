import type { LlamaContextSequence, Token } from 'node-llama-cpp';

/** A sequence and how far its cache may be reused. */
export interface PrefixCache {
  readonly sequence: LlamaContextSequence;
  /** Leading tokens that were evaluated in whole blocks, as {@link planCuts} lays them. */
  blockTokens: number;
}

/** Tokens of the longest single evaluation that blocks of this size lead to; a context needs such a batch. */
export function longestEvaluation(blockSize: number): number {
  return blockSize + blockSize / 2 - 1;
}

/**
 * Where a prompt is cut into separate evaluations: after half a block, then after each whole one, and never so that less than
 * half a block is left for the last. Every evaluation costs about as much as 15 tokens more, whatever its length, so a short
 * rest joins what stands before it. The first piece is short because only whole pieces are reused, and the part that prompts
 * have in common is short.
 * @returns positions in ascending order; none for a prompt shorter than a block
 */
export function planCuts(tokenCount: number, blockSize: number): number[] {
  const half = blockSize / 2;
  const cuts: number[] = [];
  for (let cut = half; tokenCount - cut >= half; cut += blockSize) cuts.push(cut);
  return cuts;
}

/**
 * Brings a sequence to the state "all prompt tokens but the returned tail are evaluated".
 *
 * A prompt is always cut at the same positions, and only pieces between two cuts are ever reused: the logits of a model
 * depend in their last digits on how tokens were grouped, so a cache that is cut anywhere would let the previous request
 * change a greedy answer. This way a cached prefix changes the time and nothing else. It also bounds how long an abort
 * waits: one evaluation.
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
  options.signal.throwIfAborted();
  const cuts = planCuts(tokens.length, options.blockSize).filter((cut) => cut <= tokens.length - options.tailTokens);
  const reusable = Math.min(countShared(sequence.contextTokens, tokens), cache.blockTokens);
  // Until the cache is cut and filled again, an error must not leave a promise that it cannot keep.
  cache.blockTokens = 0;
  await sequence.adaptStateToTokens(tokens.slice(0, cuts.findLast((cut) => cut <= reusable) ?? 0), false);
  // Models with a recurrent state cannot be cut back; they start again from nothing.
  const cachedTokens = sequence.nextTokenIndex;
  let position = cachedTokens;
  cache.blockTokens = position;
  for (const cut of cuts) {
    if (cut <= position) continue;
    await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(position, cut));
    position = cut;
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
