import { describe, expect, it } from 'vitest';
import { findSentences } from './words.ts';

const sentencesOf = (text: string) => findSentences(text).map(({ start, end }) => text.slice(start, end));

describe('findSentences', () => {
  it('takes every row of a table by itself', () => {
    const table =
      'Code | Cause | Remedy\nE14 | Overload | Wait 10 minutes\nE15 | Probe | Call service\nClear with Stop.';
    expect(sentencesOf(table)).toEqual([
      'Code | Cause | Remedy',
      'E14 | Overload | Wait 10 minutes',
      'E15 | Probe | Call service',
      'Clear with Stop.',
    ]);
  });

  it('keeps a sentence that runs over a line', () => {
    expect(sentencesOf('Close the lid\nand press Start. Then wait.')).toEqual([
      'Close the lid\nand press Start.',
      'Then wait.',
    ]);
  });

  it('does not end at abbreviations and initials', () => {
    expect(sentencesOf('See fig. 3 of J. Smith et al. for the torque. It is 45 Nm.')).toHaveLength(2);
  });
});
