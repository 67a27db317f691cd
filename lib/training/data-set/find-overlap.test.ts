import { expect, it } from 'vitest';
import { findOverlap } from './find-overlap.ts';

const suite = [
  { name: 'Pump › p1', text: 'What does error E-42 mean on the P-9 pump?' },
  { name: 'Pump › p2', text: 'How long must the battery be charged before the very first use of the drill?' },
];

it('names rows that ask what a suite asks, exactly and nearly, and no others', () => {
  const rows = [
    { id: 'same', questions: ['what does error e 42 mean on the P-9 pump'] },
    { id: 'near', questions: ['Hello', 'How long must the battery be charged before the very first use?'] },
    { id: 'other', questions: ['What does error E-43 mean?', 'How long is the warranty of the drill?'] },
  ];
  expect(findOverlap(rows, suite).map(({ rowId, kind, suiteText }) => [rowId, kind, suiteText.name])).toEqual([
    ['same', 'exact', 'Pump › p1'],
    ['near', 'near', 'Pump › p2'],
  ]);
});

it('finds nothing where there are no suites', () => {
  expect(findOverlap([{ id: 'a', questions: [''] }], [])).toEqual([]);
});
