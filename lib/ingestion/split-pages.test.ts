import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitPages } from './split-pages.ts';

/** One token for every four characters: not additive over spaces, and longer words cost more. */
const countWords = (words: readonly string[]) => Promise.resolve(words.map((word) => Math.ceil(word.length / 4)));
const sizes = { chunkSizeTokens: 24, chunkOverlapTokens: 6 };

const line = fc.oneof(
  fc.lorem({ maxCount: 3, mode: 'sentences' }),
  fc.array(fc.lorem({ maxCount: 3 }), { minLength: 2, maxLength: 4 }).map((cells) => cells.join(' | ')),
  fc.string({ unit: 'grapheme', maxLength: 200 }),
  fc.constant('same same same same.'),
  fc.constant(''),
  fc.lorem({ maxCount: 4 }).map((words) => `- ${words}`),
);
const page = fc
  .record({ lines: fc.array(line, { maxLength: 25 }), headingLines: fc.array(fc.nat(24), { maxLength: 4 }) })
  .map(({ lines, headingLines }) => {
    const text = lines.join('\n');
    let offset = 0;
    const offsets = text.split('\n').map((part) => {
      const start = offset;
      offset += part.length + 1;
      return { start, part };
    });
    const headings = [...new Set(headingLines)]
      .sort((a, b) => a - b)
      .flatMap((index) => {
        const found = offsets[index];
        return found && found.part.trim() !== ''
          ? [{ offset: found.start, level: (index % 3) + 1, title: found.part.trim() }]
          : [];
      });
    return { text, headings };
  });
const document = fc
  .array(page, { minLength: 1, maxLength: 4 })
  .map((pages) => pages.map((each, index) => ({ ...each, pageNumber: index + 1 })));

describe('splitPages', () => {
  it('makes every chunk the exact slice of its page, in reading order', async () => {
    await fc.assert(
      fc.asyncProperty(document, async (pages) => {
        const chunks = await splitPages(pages, sizes, countWords);
        for (const [index, chunk] of chunks.entries()) {
          const text = pages[chunk.pageNumber - 1]?.text ?? '';
          expect(chunk.text).toBe(text.slice(chunk.startOffset, chunk.endOffset));
          expect(chunk.text.trim()).toBe(chunk.text);
          expect(chunk.text).not.toBe('');
          expect(chunk.ordinal).toBe(index);
          const before = chunks[index - 1];
          const previous = before?.pageNumber === chunk.pageNumber ? before : { startOffset: -1, endOffset: -1 };
          expect(chunk.startOffset).toBeGreaterThan(previous.startOffset);
          expect(chunk.endOffset).toBeGreaterThan(previous.endOffset);
        }
      }),
    );
  });

  it('loses no character but white space', async () => {
    await fc.assert(
      fc.asyncProperty(document, async (pages) => {
        const chunks = await splitPages(pages, sizes, countWords);
        for (const each of pages) {
          const covered = Array.from({ length: each.text.length }, () => false);
          for (const chunk of chunks) {
            if (chunk.pageNumber === each.pageNumber) covered.fill(true, chunk.startOffset, chunk.endOffset);
          }
          const lost = [...covered.entries()].filter(
            ([index, isIn]) => !isIn && (each.text[index] ?? '').trim() !== '',
          );
          expect(lost).toEqual([]);
        }
      }),
    );
  });

  it('keeps chunks within their size', async () => {
    await fc.assert(
      fc.asyncProperty(document, async (pages) => {
        for (const chunk of await splitPages(pages, sizes, countWords)) {
          expect(chunk.tokenCount).toBeLessThanOrEqual(sizes.chunkSizeTokens);
        }
      }),
    );
  });

  it('cuts no table row that fits a chunk, and names the columns of a continued table', async () => {
    const rows = Array.from({ length: 12 }, (_, index) => `MX-${7000 + index} | Fixed angle rotor | ${index},00`);
    const text = ['10 Spare parts', 'Order number | Part | Price', ...rows].join('\n');
    const chunks = await splitPages(
      [{ pageNumber: 1, text, headings: [{ offset: 0, level: 1, title: '10 Spare parts' }] }],
      sizes,
      countWords,
    );
    expect(chunks.length).toBeGreaterThan(2);
    for (const row of rows) expect(chunks.filter((chunk) => chunk.text.includes(row))).toHaveLength(1);
    for (const chunk of chunks.slice(1)) {
      expect(chunk.headings).toEqual(['10 Spare parts', 'Order number | Part | Price']);
    }
  });

  it('carries the headings above a chunk over pages', async () => {
    const first = '1 Care\n\n1.1 Seals\n\nGrease the seal once a month with the grease that came with it.';
    const second = 'Replace the seal after two years, or when it is torn.';
    const chunks = await splitPages(
      [
        {
          pageNumber: 1,
          text: first,
          headings: [
            { offset: 0, level: 1, title: '1 Care' },
            { offset: 8, level: 2, title: '1.1 Seals' },
          ],
        },
        { pageNumber: 2, text: second, headings: [] },
      ],
      sizes,
      countWords,
    );
    expect(chunks.map((chunk) => chunk.headings)).toEqual([
      ['1 Care', '1.1 Seals'],
      ['1 Care', '1.1 Seals'],
    ]);
  });

  it('repeats the last sentences of a chunk that ran full', async () => {
    const sentences = Array.from({ length: 12 }, (_, index) => `Step ${index} is here.`);
    const chunks = await splitPages([{ pageNumber: 1, text: sentences.join(' '), headings: [] }], sizes, countWords);
    const [first, second] = chunks;
    expect(second?.startOffset).toBeLessThan(first?.endOffset ?? 0);
  });
});
