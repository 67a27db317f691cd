import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../train/random.ts';
import { planSequences } from './plan-sequences.ts';
import { countSharedTokens, layExamples } from './shared-prefix.ts';

const SEQUENCE_TOKENS = 100;
const sized = (lengths: readonly number[]) =>
  lengths.map((length) => ({ tokens: new Int32Array(length), isLearned: new Uint8Array(length).fill(1) }));
const optionsOf = (isPacked: boolean, microBatch = 4, epoch = 0) => ({
  sequenceTokens: SEQUENCE_TOKENS,
  isPacked,
  microBatch,
  seed: 3,
  epoch,
});
const sumOf = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0);
/** Lengths that are spread as those of support exchanges are: most between 20 and 60 of 100. */
const createLengths = (count: number) => {
  const random = createRandom(11);
  return Array.from({ length: count }, () => 2 + Math.floor(40 * (random() + random())));
};

/** So many tokens of one kind and then of another, learned from a place on. */
const begin = (count: number, token: number, restCount: number, rest: number, learnedFrom: number) => {
  const tokens = Int32Array.from({ length: count + restCount }, (_, i) => (i < count ? token : rest));
  return { tokens, isLearned: Uint8Array.from(tokens, (_, i) => Number(i >= learnedFrom)) };
};

describe('planSequences', () => {
  it('uses every example once and never passes the length of a sequence', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: SEQUENCE_TOKENS }), { maxLength: 2500 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 9 }),
        fc.nat({ max: 50 }),
        (lengths, isPacked, microBatch, epoch) => {
          const plan = planSequences(sized(lengths), optionsOf(isPacked, microBatch, epoch));
          expect(plan.flat().toSorted((a, b) => a - b)).toEqual([...lengths.keys()]);
          for (const sequence of plan) {
            expect(sequence.length).toBeGreaterThan(0);
            expect(sumOf(sequence.map((index) => lengths[index] ?? Number.NaN))).toBeLessThanOrEqual(SEQUENCE_TOKENS);
            expect(isPacked || sequence.length === 1).toBe(true);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('puts examples that begin alike into one sequence, where their beginning counts once', () => {
    const examples = [0, 1, 2, 3, 4, 5].flatMap((question) =>
      [7, 8, 9].map((passage) => begin(50, passage, 10, 1000 + question, 58)),
    );
    const plan = planSequences(examples, optionsOf(true));
    // 50 tokens of the passage and five questions of ten fill a sequence; the sixth begins another.
    expect(plan.map((sequence) => sequence.length).toSorted((a, b) => b - a)).toEqual([5, 5, 5, 1, 1, 1]);
    expect(plan.flat().toSorted((a, b) => a - b)).toEqual([...examples.keys()]);
    for (const sequence of plan) {
      expect(new Set(sequence.map((index) => index % 3)).size).toBe(1);
      expect(layExamples(sequence.flatMap((index) => examples[index] ?? [])).tokenCount).toBe(
        50 + 10 * sequence.length,
      );
    }
  });

  it('leaves examples apart that share less than half, or what is learned', () => {
    expect(countSharedTokens(begin(20, 5, 20, 6, 30), begin(20, 5, 20, 7, 30))).toBe(20);
    expect(countSharedTokens(begin(19, 5, 21, 6, 30), begin(19, 5, 21, 7, 30))).toBe(0);
    expect(countSharedTokens(begin(40, 5, 0, 6, 30), begin(40, 5, 0, 6, 30))).toBe(29);
    expect(countSharedTokens(begin(30, 5, 10, 6, 20), begin(30, 5, 10, 7, 30))).toBe(0);
  });

  it('is the same for the same seed and epoch, and another for another', () => {
    const examples = sized(createLengths(300));
    for (const isPacked of [true, false]) {
      const options = optionsOf(isPacked);
      const plan = planSequences(examples, options);
      expect(planSequences(examples, options)).toEqual(plan);
      expect(planSequences(examples, { ...options, epoch: 1 })).not.toEqual(plan);
      expect(planSequences(examples, { ...options, seed: 4 })).not.toEqual(plan);
    }
  });

  it('fills packed sequences and leaves their order random', () => {
    const lengths = createLengths(3000);
    const plan = planSequences(sized(lengths), optionsOf(true));
    expect(sumOf(lengths) / (plan.length * SEQUENCE_TOKENS)).toBeGreaterThan(0.95);
    // Long examples are placed first; a plan that were left in that order would show more of them in its first half.
    const half = Math.floor(plan.length / 2);
    const meanOf = (sequences: readonly (readonly number[])[]) => {
      const indices = sequences.flat();
      return sumOf(indices.map((index) => lengths[index] ?? Number.NaN)) / indices.length;
    };
    expect(meanOf(plan.slice(0, half)) / meanOf(plan.slice(half))).toBeCloseTo(1, 1);
  });

  it('without packing puts similar lengths into a micro-batch, and the micro-batches into random order', () => {
    const lengths = createLengths(1002);
    const microBatch = 4;
    const plan = planSequences(sized(lengths), optionsOf(false, microBatch)).map(
      ([index]) => lengths[index ?? -1] ?? 0,
    );
    const batches = Array.from({ length: 250 }, (_, i) => plan.slice(i * microBatch, (i + 1) * microBatch));
    const paddedTokens = sumOf(batches.map((batch) => Math.max(...batch) * microBatch));
    expect(sumOf(batches.flat()) / paddedTokens).toBeGreaterThan(0.97);
    const firsts = batches.map(([first = 0]) => first);
    const rises = firsts.filter((first, i) => first > (firsts[i - 1] ?? 0)).length;
    expect(rises).toBeGreaterThan(80);
    expect(rises).toBeLessThan(170);
  });

  it('refuses an example that no sequence can hold, and plans nothing for no examples', () => {
    expect(() => planSequences(sized([5, 101]), optionsOf(true))).toThrow('example 1 has 101 tokens');
    expect(planSequences([], optionsOf(true))).toEqual([]);
    expect(planSequences([], optionsOf(false))).toEqual([]);
  });
});
