import { expect, it } from 'vitest';
import { findMissingLabels } from '#lib/evaluation/rubric-labels.ts';
import { readLabels, writeLabels } from './label-lines.ts';

const make = (met: number, unmet: number) => [
  ...Array.from({ length: met }, () => ({ isMet: true })),
  ...Array.from({ length: unmet }, () => ({ isMet: false })),
];

it('writes labelled answers a line each, and reads them back', () => {
  const labels = [
    { answer: 'Please try\nagain.', isMet: true },
    { answer: 'Go away.', isMet: false },
  ];
  expect(writeLabels(labels, true)).toBe('Please try again.');
  expect(readLabels(`${writeLabels(labels, true)}\n\n`, writeLabels(labels, false))).toEqual([
    { answer: 'Please try again.', isMet: true },
    { answer: 'Go away.', isMet: false },
  ]);
  expect(writeLabels([{ answer: 1 }, 'text', null], true)).toBe('');
  expect(writeLabels(undefined, true)).toBe('');
});

it('says how many labelled answers are missing', () => {
  expect(findMissingLabels(make(10, 10))).toBeNull();
  expect(findMissingLabels(make(17, 4))).toMatch(/there are 21: 17 that meet the criterion and 4 that do not/);
  expect(findMissingLabels(make(9, 9))).toMatch(/20 labelled answers are needed/);
  expect(findMissingLabels(make(150, 60))).toMatch(/at most 200/);
});
