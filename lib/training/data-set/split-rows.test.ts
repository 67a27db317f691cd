import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { listShingles, measureJaccard } from './min-hash.ts';
import { defaultSplit, groupRows, SAME_TEXT_SIMILARITY, type SplittableRow, splitRows, splits } from './split-rows.ts';

const words = ['valve', 'pump', 'seal', 'opens', 'closes', 'leaks', 'bar', 'three', 'five', 'clean', 'order', 'refund'];
const rowList = fc
  .array(
    fc.record({
      documentId: fc.option(fc.constantFrom('d1', 'd2', 'd3', 'd4'), { nil: null, freq: 2 }),
      conversationId: fc.option(fc.constantFrom('c1', 'c2', 'c3'), { nil: null, freq: 1 }),
      intent: fc.constantFrom('', '', 'cancel', 'refund', 'repair', 'return', 'warranty'),
      text: fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 14 }).map((list) => list.join(' ')),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map((rows) => rows.map((row, index): SplittableRow => ({ ...row, id: `r${index}` })));

describe('splitRows', () => {
  it('parts no document, conversation, intent or near duplicate', () => {
    fc.assert(
      fc.property(rowList, (rows) => {
        const placed = splitRows(rows, defaultSplit);
        const splitOf = (row: SplittableRow) => placed.get(row.id)?.split;
        for (const a of rows) {
          expect(splitOf(a)).toBeDefined();
          for (const b of rows) {
            const isTied =
              (a.documentId !== null && a.documentId === b.documentId) ||
              (a.conversationId !== null && a.conversationId === b.conversationId) ||
              (a.intent !== '' && a.intent === b.intent) ||
              // Equal texts always meet in a band; nearly equal ones with a probability of 0.9998 and more.
              measureJaccard(listShingles(a.text), listShingles(b.text)) === 1;
            const isParted = splitOf(a) !== splitOf(b);
            expect(isTied && isParted).toBe(false);
          }
        }
      }),
    );
  });

  it('puts the same rows into the same splits, in whatever order they come', () => {
    fc.assert(
      fc.property(rowList, (rows) => {
        const one = splitRows(rows, defaultSplit);
        const other = splitRows(rows.toReversed(), defaultSplit);
        for (const row of rows) expect(other.get(row.id)).toEqual(one.get(row.id));
      }),
    );
  });

  it('never trains on what an earlier version held out', () => {
    fc.assert(
      fc.property(rowList, fc.nat(59), (rows, cut) => {
        const before = splitRows(rows.slice(0, cut), defaultSplit);
        const earlier = new Map([...before].map(([id, { split }]) => [id, split]));
        const after = splitRows(rows, defaultSplit, earlier);
        for (const [id, split] of earlier) {
          // Held out stays held out; what was validated on may be held out next, and is never trained on.
          expect(splits.indexOf(after.get(id)?.split ?? 'train')).toBeGreaterThanOrEqual(splits.indexOf(split));
        }
      }),
    );
  });

  it('keeps near duplicates together when nothing else ties them', () => {
    const base = Array.from({ length: 40 }, (_, index) => `word${index}`);
    const rows = Array.from({ length: 20 }, (_, index): SplittableRow => {
      const text = base
        .map((word, at) => (at === index % 2 ? 'changed' : `${word}x${Math.floor(index / 2)}`))
        .join(' ');
      return { id: `r${index}`, documentId: null, conversationId: null, intent: '', text };
    });
    expect(measureJaccard(listShingles(rows[0]?.text ?? ''), listShingles(rows[1]?.text ?? ''))).toBeGreaterThan(
      SAME_TEXT_SIMILARITY,
    );
    expect(groupRows(rows).size).toBe(10);
  });

  it('comes near the shares when there are many groups', () => {
    const rows = Array.from({ length: 1000 }, (_, index) => ({
      id: `r${index}`,
      documentId: `d${index % 100}`,
      conversationId: null,
      intent: '',
      text: `question number ${index} about thing ${index * 31}`,
    }));
    const placed = [...splitRows(rows, defaultSplit).values()];
    const counts = splits.map((split) => placed.filter((row) => row.split === split).length);
    expect(counts).toEqual([800, 100, 100]);
  });

  it('leaves validation and held-out empty when all rows come from one document', () => {
    const rows = [1, 2, 3].map((n) => ({
      id: `r${n}`,
      documentId: 'd',
      conversationId: null,
      intent: '',
      text: `q ${n}`,
    }));
    expect([...splitRows(rows, defaultSplit).values()].every(({ split }) => split === 'train')).toBe(true);
  });
});
