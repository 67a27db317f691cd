import { expect, it } from 'vitest';
import { formatChange, formatShare } from './format-share.ts';

it('writes rates with as many digits as they bear', () => {
  expect([0, 0.025, 0.1, 0.8349, 1, Number.NaN].map(formatShare)).toEqual([
    '0 %',
    '2.5 %',
    '10 %',
    '83 %',
    '100 %',
    '–',
  ]);
});

it('writes differences with their sign', () => {
  expect([0, 0.0001, 0.031, -0.031, -0.25, 0.5, Number.NaN].map(formatChange)).toEqual([
    '±0',
    '±0',
    '+3.1',
    '−3.1',
    '−25',
    '+50',
    '–',
  ]);
});
