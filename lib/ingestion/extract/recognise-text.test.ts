import { expect, it } from 'vitest';
import { readTable } from './recognise-text.ts';

const row = (level: number, box: readonly number[], confidence = -1, text = '') =>
  [level, 1, 1, 1, 1, 1, ...box, confidence, text].join('\t');

it('places words on the line that they stand on, with one size for lines of about one height', () => {
  const table = [
    row(4, [10, 100, 300, 20]),
    row(5, [10, 102, 40, 16], 96, 'Error'),
    row(5, [60, 100, 50, 20], 91, 'E-42'),
    row(4, [10, 140, 300, 24]),
    row(5, [10, 140, 80, 24], 88, 'Clean'),
  ].join('\n');
  expect(readTable(table)).toEqual([
    { text: 'Error', x: 10, y: -120, width: 40, size: 15 },
    { text: 'E-42', x: 60, y: -120, width: 50, size: 15 },
    { text: 'Clean', x: 10, y: -164, width: 80, size: 15 },
  ]);
});

it('drops specks, and a picture on which hardly anything can be made out', () => {
  const line = row(4, [0, 0, 100, 20]);
  const speck = row(5, [50, 0, 4, 4], 12, '~');
  expect(readTable([line, row(5, [0, 0, 40, 20], 95, 'Open'), speck].join('\n'))).toHaveLength(1);
  expect(readTable([line, row(5, [0, 0, 40, 20], 45, 'Qx'), row(5, [50, 0, 40, 20], 50, 'vv')].join('\n'))).toEqual([]);
  expect(readTable('')).toEqual([]);
});
