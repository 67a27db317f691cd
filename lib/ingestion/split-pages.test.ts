import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitPages } from './split-pages.ts';

/** One token for every four characters: not additive over spaces, and longer words cost more. */
const countWords = (words: readonly string[]) => Promise.resolve(words.map((word) => Math.ceil(word.length / 4)));
const sizes = { chunkSizeTokens: 24, chunkOverlapTokens: 6 };

const countTokens = (text: string) =>
  text.split(/\s+/).reduce((sum, word) => sum + (word === '' ? 0 : Math.ceil(word.length / 4)), 0);

const line = fc.oneof(
  fc.lorem({ maxCount: 3, mode: 'sentences' }),
  fc.array(fc.lorem({ maxCount: 3 }), { minLength: 2, maxLength: 4 }).map((cells) => cells.join(' | ')),
  fc.string({ unit: 'grapheme', maxLength: 200 }),
  fc.constant('same same same same.'),
  fc.constant(''),
  fc.lorem({ maxCount: 4 }).map((words) => `- ${words}`),
);
const tableRow = fc
  .array(fc.lorem({ maxCount: 2 }), { minLength: 2, maxLength: 4 })
  .map((cells) => cells.map((cell) => cell.replaceAll('.', '')).join(' | '));
const table = fc.array(tableRow, { minLength: 2, maxLength: 8 }).map((rows) => rows.join('\n'));
const code = fc
  .array(fc.oneof(fc.constant(''), fc.constant('if (a | b) {'), fc.lorem({ maxCount: 3 })), {
    minLength: 1,
    maxLength: 8,
  })
  .map((lines) => ['```sh', ...lines, '```'].join('\n'));
const page = fc
  .record({
    lines: fc.array(
      fc.oneof({ arbitrary: line, weight: 6 }, { arbitrary: table, weight: 1 }, { arbitrary: code, weight: 1 }),
      {
        maxLength: 25,
      },
    ),
    headingLines: fc.array(fc.nat(24), { maxLength: 4 }),
  })
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

  it('keeps a table or a block of code whole that fits a chunk under its heading', async () => {
    const paragraph = fc.array(fc.lorem({ maxCount: 12, mode: 'words' }), { minLength: 1, maxLength: 3 });
    const part = fc.record({
      heading: fc.option(fc.lorem({ maxCount: 2 })),
      before: paragraph,
      block: fc.oneof(table, code),
      isRightUnder: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 4 }), async (parts) => {
        let text = '';
        const headings: { offset: number; level: number; title: string }[] = [];
        const blocks: { start: number; end: number; tokens: number }[] = [];
        for (const { heading, before, block, isRightUnder } of parts) {
          if (!isRightUnder) text += `${before.join('. ')}.\n\n`;
          if (heading !== null) {
            headings.push({ offset: text.length, level: 2, title: heading });
            text += `${heading}\n\n`;
          }
          blocks.push({
            start: text.length,
            end: text.length + block.length,
            tokens: countTokens(block) + (heading === null ? 0 : countTokens(heading)),
          });
          text += `${block}\n\n`;
          if (isRightUnder) text += `${before.join('. ')}.\n\n`;
        }
        const chunks = await splitPages([{ pageNumber: 1, text, headings }], sizes, countWords);
        for (const block of blocks.filter((each) => each.tokens <= sizes.chunkSizeTokens)) {
          expect(chunks.some((chunk) => chunk.startOffset <= block.start && chunk.endOffset >= block.end)).toBe(true);
        }
      }),
    );
  });

  it('cuts a table that is too large between its rows, and repeats its first row, but no row that names its columns', async () => {
    const rows = Array.from({ length: 9 }, (_, index) => `Part: MX-${7000 + index} | Price: ${index},00`);
    const chunks = await splitPages([{ pageNumber: 1, text: rows.join('\n'), headings: [] }], sizes, countWords);
    expect(chunks.length).toBeGreaterThan(2);
    expect(chunks.flatMap((chunk) => chunk.headings)).toEqual([]);
    expect(chunks.flatMap((chunk) => chunk.text.split('\n'))).toEqual(rows);
  });

  it('cuts a block of code that is too large between its lines, and takes no line of it for a table', async () => {
    const lines = Array.from({ length: 9 }, (_, index) => `  cat log-${index}.txt | grep -c error | sort`);
    const text = ['```', ...lines, '```'].join('\n');
    const chunks = await splitPages([{ pageNumber: 1, text, headings: [] }], sizes, countWords);
    expect(chunks.length).toBeGreaterThan(2);
    expect(chunks.flatMap((chunk) => chunk.headings)).toEqual([]);
    for (const each of lines) expect(chunks.filter((chunk) => chunk.text.includes(each.trim()))).toHaveLength(1);
  });

  it('gives the section that a chunk begins in', async () => {
    const first = Array.from({ length: 12 }, (_, index) => `Step ${index} is here.`).join(' ');
    const text = `Top\n\n1 Care\n\n${first}\n\n1.1 Seals\n\nGrease them.\n\n2 Repair\n\nCall us about that.`;
    const headings = ['1 Care', '1.1 Seals', '2 Repair'].map((title, index) => ({
      offset: text.indexOf(title),
      level: index === 1 ? 2 : 1,
      title,
    }));
    const chunks = await splitPages([{ pageNumber: 1, text, headings }], sizes, countWords);
    const sections = chunks.map((chunk) => text.slice(chunk.sectionStartOffset, chunk.sectionEndOffset));
    expect(sections[0]).toBe('Top');
    expect(sections.slice(1, 3)).toEqual(Array.from({ length: 2 }, () => text.slice(5, text.indexOf('\n\n2 Repair'))));
    expect(sections.at(-1)).toBe(text.slice(text.indexOf('2 Repair')));
  });

  it('puts every chunk inside its section', async () => {
    await fc.assert(
      fc.asyncProperty(document, async (pages) => {
        for (const chunk of await splitPages(pages, sizes, countWords)) {
          const length = pages[chunk.pageNumber - 1]?.text.length ?? 0;
          expect(chunk.sectionStartOffset).toBeGreaterThanOrEqual(0);
          expect(chunk.sectionStartOffset).toBeLessThanOrEqual(chunk.startOffset);
          expect(chunk.sectionEndOffset).toBeGreaterThanOrEqual(chunk.endOffset);
          expect(chunk.sectionEndOffset).toBeLessThanOrEqual(length);
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
