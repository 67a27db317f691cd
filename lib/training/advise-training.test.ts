import { describe, expect, it } from 'vitest';
import { trainConfigSchema } from '#lib/lora/train/train-config.ts';
import { adviseTraining } from './advise-training.ts';
import type { FrozenRow, Split } from './data-set-source.ts';
import { profileRows, toExamples } from './profile-rows.ts';

interface RowSketch {
  readonly split?: Split;
  readonly question?: string;
  readonly answer?: string;
  readonly intent?: string;
  readonly isFromManual?: boolean;
}

/** A token for every four characters. */
const countTokens = (texts: readonly string[]) => Promise.resolve(texts.map((text) => Math.ceil(text.length / 4)));

async function profile(sketches: readonly RowSketch[]) {
  async function* rows(): AsyncGenerator<FrozenRow> {
    for (const [i, sketch] of sketches.entries())
      yield {
        split: sketch.split ?? 'train',
        intent: sketch.intent ?? null,
        isFromManual: sketch.isFromManual ?? false,
        messages: [
          { role: 'user', content: sketch.question ?? `Question ${i}?` },
          { role: 'assistant', content: sketch.answer ?? `Answer number ${i}.` },
        ],
      };
  }
  return profileRows(rows(), countTokens);
}

const many = (count: number, sketch: RowSketch = {}) => Array.from({ length: count }, () => sketch);
const measured: readonly RowSketch[] = [...many(8, { split: 'validation' }), ...many(8, { split: 'held-out' })];
const facts = { contextTokens: 2048, steps: 60 };
const advise = async (sketches: readonly RowSketch[], changes: object = {}, given = facts) =>
  adviseTraining(await profile(sketches), trainConfigSchema.parse(changes), given).map(({ code }) => code);

describe('adviseTraining', () => {
  it('has nothing to say about enough rows of all sorts', async () => {
    expect(await advise([...many(200), ...measured])).toEqual([]);
  });

  it.each([
    ['few-rows', many(30), {}, facts],
    ['prompt-would-do', many(8), {}, facts],
    ['one-intent', [...many(70, { intent: 'refund' }), ...many(30, { intent: 'other' })], {}, facts],
    ['rows-too-long', [...many(100), ...many(20, { answer: 'x'.repeat(4000) })], {}, facts],
    ['beyond-context', [...many(100), ...many(20, { answer: 'x'.repeat(40_000) })], {}, facts],
    ['knowledge-by-retrieval', many(100, { isFromManual: true }), {}, facts],
    ['repeated-answers', [...many(60), ...many(40, { answer: 'Please call us.' })], {}, facts],
    ['few-steps', many(100), {}, { ...facts, steps: 4 }],
    ['many-passes', many(100), { epochs: 12 }, facts],
  ])('warns of %s, and of nothing else', async (code, rows, changes, given) => {
    expect(await advise([...rows, ...measured], changes, given)).toEqual([code]);
  });

  it('misses rows to measure on', async () => {
    expect(await advise(many(100))).toEqual(['no-validation', 'no-held-out']);
  });
});

describe('profileRows', () => {
  it('asks what is not trained on, and leaves out what no sequence holds', async () => {
    const found = await profile([
      ...many(20),
      ...many(2, { answer: 'x'.repeat(8000) }),
      { split: 'held-out', question: 'How long is the warranty?' },
    ]);
    expect(found.questions).toEqual(['How long is the warranty?']);
    expect(found.counts).toEqual({ train: 22, validation: 0, 'held-out': 1 });
    const examples = toExamples(found, 512);
    expect(examples).toHaveLength(20);
    for (const { tokens, isLearned } of examples) {
      const learned = isLearned.reduce((sum, flag) => sum + flag, 0);
      expect(learned).toBeGreaterThan(0);
      expect(learned).toBeLessThan(tokens.length);
    }
  });
});
