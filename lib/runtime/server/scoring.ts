import type { ControlledEvaluateInputItem, Token } from 'node-llama-cpp';
import { type PrefixCache, prefillSequence } from './prefill.ts';

/**
 * Natural-log probability of `tokens[i]` given `tokens[0..i)`, `[tokens.length]`; null at 0 and before `fromIndex`.
 *
 * From raw logits: logit − max − ln Σ exp(logit − max). The largest logit is asked for as the top one, because the
 * library's `includeMax` does not return it; no sampling option is set, because those prune the vocabulary.
 */
export async function scoreTokens(
  cache: PrefixCache,
  tokens: readonly Token[],
  options: { readonly fromIndex: number; readonly blockSize: number; readonly signal: AbortSignal },
): Promise<(number | null)[]> {
  const logprobs: (number | null)[] = tokens.map(() => null);
  const firstScored = Math.max(1, options.fromIndex);
  if (firstScored >= tokens.length) return logprobs;
  // The logits that predict tokens[i] come out of evaluating tokens[i - 1].
  const { tail } = await prefillSequence(cache, tokens, {
    tailTokens: tokens.length - (firstScored - 1),
    blockSize: options.blockSize,
    signal: options.signal,
  });
  let position = tokens.length - tail.length;
  while (position < tokens.length - 1) {
    options.signal.throwIfAborted();
    const end = Math.min(tokens.length - 1, position + options.blockSize);
    const input: ControlledEvaluateInputItem[] = [];
    for (let index = position; index < end; index += 1) {
      const current = tokens[index];
      const next = tokens[index + 1];
      if (current === undefined || next === undefined) throw new RangeError(`no token at ${index}`);
      input.push(
        index + 1 < firstScored
          ? current
          : [
              current,
              { generateNext: { logits: { filter: { tokens: [next], includeTop: 1 } }, totalLogitWeight: true } },
            ],
      );
    }
    const outputs = await cache.sequence.controlledEvaluate(input);
    for (let index = position; index < end; index += 1) {
      if (index + 1 < firstScored) continue;
      const next = tokens[index + 1];
      const output = outputs[index - position]?.next;
      const logit = next === undefined ? undefined : output?.logits?.get(next);
      if (output?.logits === undefined || output.totalLogitWeight === undefined || logit === undefined) {
        throw new Error(`the model returned no logits for position ${index}`);
      }
      const maxLogit = Math.max(...output.logits.values());
      logprobs[index + 1] = logit - maxLogit - Math.log(output.totalLogitWeight);
    }
    position = end;
  }
  return logprobs;
}
