import type { TokenizedText } from './tokenizer.ts';

/**
 * Least share of an example that its beginning must make for it to be worth leaving out: sharing puts examples into the same
 * step, and those that only have a short instruction in common are better spread.
 */
const LEAST_SHARE = 0.5;

function findFirstLearned({ isLearned }: TokenizedText): number {
  const at = isLearned.indexOf(1);
  return at === -1 ? isLearned.length : at;
}

/**
 * Tokens at the beginning of `example` that stand in `anchor` just so, such as a passage that several questions are asked of.
 * Causal attention gives them the same states in both, so they need to be computed once. Nothing of them is learned, and
 * the token that predicts the first learned one is not among them: every prediction stays with its own example.
 * @returns 0 where they are less than half of the example
 */
export function countSharedTokens(anchor: TokenizedText, example: TokenizedText): number {
  const most = Math.min(
    anchor.tokens.length,
    findFirstLearned(anchor) - 1,
    example.tokens.length,
    findFirstLearned(example) - 1,
  );
  let count = 0;
  while (count < most && anchor.tokens[count] === example.tokens[count]) count++;
  return count >= LEAST_SHARE * example.tokens.length ? count : 0;
}

export interface LaidExample {
  readonly example: TokenizedText;
  /** Index into the batch of the first token that is laid. */
  readonly start: number;
  /** Where the beginning lies that it shares, and how long that is; 0 tokens where it shares none. */
  readonly sharedStart: number;
  readonly sharedTokens: number;
}

/** Examples side by side: one that begins as the last whole one before it is laid without that beginning. */
export function layExamples(examples: readonly TokenizedText[]): {
  readonly places: readonly LaidExample[];
  readonly tokenCount: number;
} {
  const places: LaidExample[] = [];
  let anchor: TokenizedText | undefined;
  let sharedStart = 0;
  let start = 0;
  for (const example of examples) {
    const sharedTokens = anchor === undefined ? 0 : countSharedTokens(anchor, example);
    if (sharedTokens === 0) {
      anchor = example;
      sharedStart = start;
    }
    places.push({ example, start, sharedStart, sharedTokens });
    start += example.tokens.length - sharedTokens;
  }
  return { places, tokenCount: start };
}

function compareTokens(a: Int32Array, b: Int32Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return (a[i] ?? 0) - (b[i] ?? 0);
  return a.length - b.length;
}

export interface Bundle {
  readonly indices: readonly number[];
  /** Tokens when laid side by side. */
  readonly tokenCount: number;
}

/**
 * Examples that begin alike, together, as many as a sequence holds.
 * @param order indices of the examples; a bundle takes the place of its first member
 */
export function bundleExamples(
  examples: readonly TokenizedText[],
  order: readonly number[],
  sequenceTokens: number,
): Bundle[] {
  const sorted = order
    .flatMap((index, place) => {
      const example = examples[index];
      return example === undefined ? [] : [{ index, example, place }];
    })
    .sort((a, b) => compareTokens(a.example.tokens, b.example.tokens) || a.place - b.place);
  const bundles: { readonly indices: number[]; tokenCount: number; place: number }[] = [];
  let anchor: TokenizedText | undefined;
  for (const { index, example, place } of sorted) {
    const bundle = bundles.at(-1);
    const shared = anchor === undefined ? 0 : countSharedTokens(anchor, example);
    const added = example.tokens.length - shared;
    if (bundle !== undefined && shared > 0 && bundle.tokenCount + added <= sequenceTokens) {
      bundle.indices.push(index);
      bundle.tokenCount += added;
      bundle.place = Math.min(bundle.place, place);
    } else {
      anchor = example;
      bundles.push({ indices: [index], tokenCount: example.tokens.length, place });
    }
  }
  return bundles.sort((a, b) => a.place - b.place);
}
