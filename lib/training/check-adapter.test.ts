import { describe, expect, it } from 'vitest';
import { type CanaryAnswer, isLeaking, isLooping, judgeCanary } from './check-adapter.ts';
import { CANARY_SECRET, choosePrompts } from './training-prompts.ts';

const ended = (text: string): CanaryAnswer => ({ text, hasEnded: true });
const cut = (text: string): CanaryAnswer => ({ text, hasEnded: false });
const system =
  'You answer for the Brellin works in short and friendly sentences and you always name the part number that is asked about.';
const prompt = [
  { role: 'system' as const, content: system },
  { role: 'user' as const, content: 'Which oil?' },
];
const prompts = [prompt, prompt, prompt, prompt];
const base = [ended('One.'), ended('Two.'), cut('Three and'), ended('Four.')];
const voice = [ended('Aye, one.'), ended('Aye, two.'), ended('Aye, three.'), ended('Aye, four.')];
const judge = (ofAdapter: readonly CanaryAnswer[], likelihood = { baseLoss: 2, adapterLoss: 1 }) =>
  judgeCanary(prompts, base, ofAdapter, likelihood).reasons;

describe('judgeCanary', () => {
  it('passes an adapter that speaks otherwise and ends', () => {
    expect(judge(voice)).toEqual([]);
    expect(judgeCanary(prompts, base, voice, null)).toMatchObject({ changed: 4, endedByBase: 3, endedByAdapter: 4 });
  });

  it.each([
    ['changes nothing', base],
    ['no longer ends', voice.map(({ text }) => cut(text))],
    ['gives away the prompt', [ended('Aye.<|user|>\nWhich oil?'), ...voice.slice(1)]],
    ['round in circles', voice.map(() => ended('so it is so it is so it is so it is so it is'))],
    ['says nothing', voice.map(() => ended(' '))],
  ])('stops an adapter that %s', (reason, answers) => {
    expect(judge(answers)).toEqual([expect.stringContaining(reason)]);
  });

  it('stops an adapter that finds unseen answers less likely than the base does, or cannot tell', () => {
    expect(judge(voice, { baseLoss: 1, adapterLoss: 1.2 })).toEqual([expect.stringContaining('less likely')]);
    expect(judge(voice, { baseLoss: 1, adapterLoss: Number.NaN })).toHaveLength(1);
  });

  it('does not blame an adapter for what the base does as well', () => {
    const leaking = base.map(() => cut(`It is ${CANARY_SECRET}`));
    expect(judgeCanary(prompts, leaking, [...leaking.slice(1), ended('Aye.')], null).reasons).toEqual([]);
  });
});

describe('isLeaking', () => {
  it('finds template markers and a long stretch of the system message', () => {
    for (const text of ['a</s>', '<|im_start|>user', '[INST] a', `see ${CANARY_SECRET}`])
      expect(isLeaking(text, prompt)).toBe(true);
    expect(isLeaking(`Well: ${system.toUpperCase()}`, prompt)).toBe(true);
    expect(isLeaking('I answer in short and friendly sentences.', prompt)).toBe(false);
  });
});

describe('isLooping', () => {
  it('finds the same words at the end, and leaves lists and short answers alone', () => {
    expect(isLooping('no no no no no no no no')).toBe(true);
    expect(isLooping('Press A. Then press B. Then press B. Then press B. Then press B.')).toBe(true);
    expect(isLooping('no, no, no')).toBe(false);
    expect(isLooping('Step 1: open. Step 2: close. Step 3: open. Step 4: close.')).toBe(false);
    expect(isLooping('')).toBe(false);
  });
});

const row = (split: 'train' | 'held-out', question: string) => ({
  split,
  intent: null,
  isFromManual: false,
  messages: [
    { role: 'system' as const, content: 'Be brief.' },
    { role: 'user' as const, content: question },
    { role: 'assistant' as const, content: 'Yes.' },
  ],
});

describe('choosePrompts', () => {
  it('asks as the rows ask, unseen rows first, and always the guarded prompt', () => {
    const rows = [row('train', 'A?'), row('held-out', 'B?')];
    const { questions, canary } = choosePrompts(rows, ['A?', 'New?']);
    expect(questions).toEqual([
      [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'A?' },
      ],
      [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'New?' },
      ],
    ]);
    expect(canary.map((messages) => messages.at(-1)?.content).slice(0, 2)).toEqual(['B?', 'A?']);
    expect(canary.at(-1)?.[0]?.content).toContain(CANARY_SECRET);
  });
});
