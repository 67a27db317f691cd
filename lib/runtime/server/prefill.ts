import type { LlamaContextSequence, Token } from 'node-llama-cpp';

/**
 * Brings a sequence to the state "all prompt tokens but the returned tail are evaluated". What the sequence already
 * holds of the same prefix is kept. The work is cut into batches so that an abort takes effect after one of them.
 *
 * @param tailTokens how many of the last tokens must stay unevaluated (at least 1: sampling starts from them)
 * @returns the tail, and how many leading tokens came from the cache
 * @throws the signal's reason when it aborts; the sequence stays consistent
 */
export async function prefillSequence(
  sequence: LlamaContextSequence,
  tokens: readonly Token[],
  options: { readonly tailTokens: number; readonly batchSize: number; readonly signal: AbortSignal },
): Promise<{ readonly tail: Token[]; readonly cachedTokens: number }> {
  const evaluatedEnd = Math.max(0, tokens.length - options.tailTokens);
  options.signal.throwIfAborted();
  await sequence.adaptStateToTokens(tokens.slice(0, evaluatedEnd), false);
  const cachedTokens = sequence.nextTokenIndex;
  let position = cachedTokens;
  while (tokens.length - position > Math.max(options.batchSize, options.tailTokens) && position < evaluatedEnd) {
    const end = Math.min(evaluatedEnd, position + options.batchSize);
    await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(position, end));
    position = end;
    options.signal.throwIfAborted();
  }
  return { tail: tokens.slice(position), cachedTokens };
}
