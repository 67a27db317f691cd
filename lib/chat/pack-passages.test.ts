import { expect, test } from 'vitest';
import { packPassages } from './pack-passages.ts';
import { createTestSource } from './test-sources.ts';

const countWords = (texts: readonly string[]) => Promise.resolve(texts.map((text) => text.split(/\s+/).length));
const pump = createTestSource({
  number: 1,
  headings: ['4 Service'],
  text: 'The pump is blue. Tighten the head bolts to 45 Nm. Keep children away from it.',
});
const oil = createTestSource({ number: 2, text: 'The gearbox holds 2.5 litres. Order oil from the dealer.' });

test('offers whole passages when they fit', async () => {
  const passages = await packPassages('Which torque?', [pump, oil], { budgetTokens: 200, limit: 4 }, countWords);
  expect(passages.map(({ number, text }) => [number, text])).toEqual([
    [1, pump.text],
    [2, oil.text],
  ]);
  expect(passages[0]?.title).toBe('Pump manual › 4 Service');
});

test('keeps the sentences that speak of the question when the budget is short', async () => {
  const passages = await packPassages(
    'How many Nm do the head bolts need, and how many litres does the gearbox hold?',
    [pump, oil],
    { budgetTokens: 14, limit: 4 },
    countWords,
  );
  expect(passages.map(({ number, text }) => [number, text])).toEqual([
    [1, 'Tighten the head bolts to 45 Nm.'],
    [2, 'The gearbox holds 2.5 litres.'],
  ]);
});

test('offers something even when nothing fits', async () => {
  const passages = await packPassages('Which torque?', [pump], { budgetTokens: 1, limit: 4 }, countWords);
  expect(passages).toHaveLength(1);
  expect(passages[0]?.text).not.toBe('');
});

test('cuts a passage that has no sentence ends', async () => {
  const endless = createTestSource({ text: 'bolt '.repeat(2000) });
  const passages = await packPassages('bolt?', [endless], { budgetTokens: 50, limit: 1 }, countWords);
  expect(passages[0]?.text.length).toBeLessThanOrEqual(150);
});

test('offers no more passages than allowed', async () => {
  expect(await packPassages('oil?', [pump, oil], { budgetTokens: 200, limit: 1 }, countWords)).toHaveLength(1);
  expect(await packPassages('oil?', [], { budgetTokens: 200, limit: 1 }, countWords)).toEqual([]);
});
