import { createRandom, shuffle } from '../train/random.ts';
import { type Bundle, bundleExamples } from './shared-prefix.ts';
import type { TokenizedText } from './tokenizer.ts';

export interface SequencePlanOptions {
  /** Most tokens of a sequence. */
  readonly sequenceTokens: number;
  /** Several examples a sequence, or one. */
  readonly isPacked: boolean;
  /** Sequences computed together. Without packing, those of one micro-batch are of similar lengths. */
  readonly microBatch: number;
  readonly seed: number;
  /** Each epoch has a plan of its own. */
  readonly epoch: number;
}

/** Sets the stream of the plan apart from others of the same seed. */
const STREAM = 0x706c616e;
/**
 * Examples that are packed, or sorted by length, together. Beyond the window the order is random, so long and short examples
 * are spread over the epoch; within it there is choice enough: 4,513 support exchanges (182 tokens on average) fill 97.2 % of
 * sequences of 512, against 97.5 % in one window and 96.6 % in windows of 256.
 */
const WINDOW_EXAMPLES = 1024;

function cut<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}

/** Best fit decreasing: the longest first, each into the sequence that it fills most. */
function pack(bundles: readonly Bundle[], sequenceTokens: number): number[][] {
  const sequences: { readonly indices: number[]; free: number }[] = [];
  for (const { indices, tokenCount } of bundles.toSorted((a, b) => b.tokenCount - a.tokenCount)) {
    let best: (typeof sequences)[number] | undefined;
    for (const sequence of sequences)
      if (sequence.free >= tokenCount && (!best || sequence.free < best.free)) best = sequence;
    if (!best) {
      best = { indices: [], free: sequenceTokens };
      sequences.push(best);
    }
    best.indices.push(...indices);
    best.free -= tokenCount;
  }
  return sequences.map((sequence) => sequence.indices);
}

/** Micro-batches of similar lengths in random order; what fills no whole one comes last. */
function bucket(
  indices: readonly number[],
  lengthOf: (index: number) => number,
  microBatch: number,
  random: () => number,
): number[][] {
  const restCount = indices.length % microBatch;
  const windowSize = Math.ceil(WINDOW_EXAMPLES / microBatch) * microBatch;
  const batches = cut(indices.slice(restCount), windowSize).flatMap((window) =>
    cut(
      window.toSorted((a, b) => lengthOf(a) - lengthOf(b)),
      microBatch,
    ),
  );
  return [...shuffle(batches, random).flat(), ...indices.slice(0, restCount)].map((index) => [index]);
}

/**
 * Which examples make up each sequence of an epoch. Every example occurs once; the same options give the same plan. Packed
 * examples that begin alike (questions on one passage) stand beside each other, so that {@link layExamples} lays their
 * beginning once.
 * @param examples each of at most `sequenceTokens`
 * @returns indices of the examples in each sequence, in the order of training
 * @throws RangeError for an example that is longer than a sequence
 */
export function planSequences(
  examples: readonly TokenizedText[],
  options: SequencePlanOptions,
): readonly (readonly number[])[] {
  const { sequenceTokens, seed, epoch } = options;
  const lengths = examples.map(({ tokens }) => tokens.length);
  const lengthOf = (index: number) => lengths[index] ?? 0;
  const tooLong = lengths.findIndex((length) => length > sequenceTokens);
  if (tooLong !== -1)
    throw new RangeError(`example ${tooLong} has ${lengthOf(tooLong)} tokens; a sequence holds ${sequenceTokens}`);
  const random = createRandom(STREAM, seed, epoch);
  const order = shuffle([...lengths.keys()], random);
  if (!options.isPacked) return bucket(order, lengthOf, options.microBatch, random);
  const bundles = bundleExamples(examples, order, sequenceTokens);
  const sequences = cut(bundles, WINDOW_EXAMPLES).flatMap((window) => pack(window, sequenceTokens));
  return shuffle(sequences, random);
}
