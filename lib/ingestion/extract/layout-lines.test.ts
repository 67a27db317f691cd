import { expect, it } from 'vitest';
import { composePage, joinLines, type PlacedText } from './layout-lines.ts';

const LEADING = 14;
/** Lines of a column that is full to its right edge. */
const column = (...lines: readonly string[]): PlacedText[] =>
  lines.map((text, index) => ({ text, x: 72, y: 700 - index * LEADING, width: 400, size: 12 }));
const compose = (pieces: readonly PlacedText[]) =>
  composePage(joinLines(pieces), { bodySize: 12, headingSizes: [] }, 1, null).text;

const row = (text: string, x: number, y: number): PlacedText => ({ text, x, y, width: 60, size: 10 });

it('makes one line of a paragraph, and whole words of those that were parted', () => {
  expect(
    compose(column('Close the inlet before the main', 'tenance of the pump begins, and re-', 'lease the pressure.')),
  ).toBe('Close the inlet before the main tenance of the pump begins, and release the pressure.');
});

it('keeps the hyphen of a code that is broken behind it, and adds no space', () => {
  expect(
    compose(column('Valid for devices with serial numbers from 40-', '26000 and for the seal TW-', '3318 only.')),
  ).toBe('Valid for devices with serial numbers from 40-26000 and for the seal TW-3318 only.');
  const cells = [
    row('Seal', 72, 700),
    row('Order MX-', 300, 700),
    row('7023 today', 300, 688),
    row('Shaft', 72, 670),
    row('None', 300, 670),
  ];
  expect(compose(cells)).toBe('Seal | Order MX-7023 today\nShaft | None');
});

it('leaves a range with spaces and a dash at a line end alone', () => {
  expect(compose(column('Turn the valve to a pressure of 40 -', '60 bar and wait for the lamp -', 'then go on.'))).toBe(
    'Turn the valve to a pressure of 40 - 60 bar and wait for the lamp - then go on.',
  );
});
