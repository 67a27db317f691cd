import { describe, expect, it } from 'vitest';
import { groupByDay } from './group-by-day.ts';

const now = new Date(2026, 2, 30, 9, 0);
const at = (...parts: [number, number, number, number?]) => ({
  updatedAt: new Date(parts[0], parts[1], parts[2], parts[3] ?? 12).toISOString(),
});
const labels = (items: { updatedAt: string }[]) =>
  groupByDay(items, now).map(({ label, items: group }) => [label, group.length]);

describe('groupByDay', () => {
  it('goes by the calendar day, not by hours', () => {
    expect(labels([at(2026, 2, 30, 0), at(2026, 2, 29, 23), at(2026, 2, 29, 1), at(2026, 2, 28)])).toEqual([
      ['Today', 1],
      ['Yesterday', 2],
      ['Previous 7 days', 1],
    ]);
  });

  it('names older months', () => {
    expect(labels([at(2026, 2, 10), at(2026, 1, 3), at(2026, 1, 1), at(2025, 11, 24)])).toEqual([
      ['Previous 30 days', 1],
      ['February 2026', 2],
      ['December 2025', 1],
    ]);
  });

  it('makes no claim about days while the reader’s clock is unknown', () => {
    expect(groupByDay([at(2026, 2, 30), at(2020, 1, 1)], null)).toMatchObject([{ label: 'Recent' }]);
  });
});
