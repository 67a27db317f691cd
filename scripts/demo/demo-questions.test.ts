import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { demoFolder, findPage, plainText, type Question, questionFileSchema, sectionText } from './demo-questions.ts';
import { readPdfPages } from './read-pdf-pages.ts';

const manual = 'tarnwick-k40-manual.md';
const file = questionFileSchema.parse(JSON.parse(await readFile(new URL('questions.json', demoFolder), 'utf8')));
const answerable = file.questions.filter((question) => question.answerable);
const unanswerable = file.questions.filter((question) => !question.answerable);

let pages: string[] = [];
const markdown = new Map<string, string>();

beforeAll(async () => {
  pages = await readPdfPages(await readFile(new URL('tarnwick-k40-manual.pdf', demoFolder)));
  for (const name of new Set(answerable.map((question) => question.document))) {
    markdown.set(name, await readFile(new URL(name, demoFolder), 'utf8'));
  }
});

/** Order numbers of a text, each with how often it stands there; without the document's own number, which the running header repeats. */
function countOrderNumbers(text: string): Record<string, number> {
  const seen = new Map<string, number>();
  for (const [code] of text.matchAll(/\b(MX|TW)-[A-Z]?-?\d{3,4}\b/gu)) seen.set(code, (seen.get(code) ?? 0) + 1);
  seen.delete('TW-M-1187');
  return Object.fromEntries([...seen].toSorted(([a], [b]) => a.localeCompare(b)));
}

describe('the demo manual', () => {
  it('is a real manual: at least 15 pages, numbered, below 1 MB', async () => {
    const pdf = await readFile(new URL('tarnwick-k40-manual.pdf', demoFolder));
    expect(pdf.length).toBeLessThan(1024 * 1024);
    expect(pages.length).toBeGreaterThanOrEqual(15);
    for (const [index, text] of pages.slice(1).entries())
      expect(text).toContain(`Page ${index + 2} of ${pages.length}`);
  });

  it('was typeset from the Markdown beside it', () => {
    const everything = pages.join(' ').replaceAll(/\s/gu, '');
    const source = markdown.get(manual) ?? '';
    for (const line of source.split('\n')) {
      if (line.startsWith('|') || line === '') continue;
      const words = plainText(line.replace(/^(#+|-|\d+\.) /u, '')).replaceAll(/\s/gu, '');
      // A running header may stand in the middle of a sentence that goes over a page; its beginning never does.
      expect(everything).toContain(words.slice(0, 40));
    }
  });

  it('gives every order number in the PDF as often as in the Markdown', () => {
    expect(countOrderNumbers(pages.join(' '))).toEqual(countOrderNumbers(markdown.get(manual) ?? ''));
  });
});

describe('the demo questions', () => {
  it('are 40 with an answer, 15 without, with ids of their own', () => {
    expect(answerable).toHaveLength(40);
    expect(unanswerable).toHaveLength(15);
    expect(new Set(file.questions.map(({ id }) => id)).size).toBe(55);
  });

  it('include the suggested ones', () => {
    const asked = answerable.map(({ question }) => question);
    for (const question of file.suggested) expect(asked).toContain(question);
  });

  it.each(answerable)('$id is answered in its section', (question) => {
    const section = plainText(sectionText(markdown.get(question.document) ?? '', question.section));
    for (const answer of question.expected) expect(section).toContain(answer);
  });

  it.each(answerable.filter(({ document }) => document === manual))('$id is answered on its page', (question) => {
    const pageText = pages[(question.page ?? 0) - 1] ?? '';
    for (const answer of question.expected) expect(pageText).toContain(answer);
    expect(question.page).toBe(findPage(pages, markdown.get(manual) ?? '', question));
  });

  it('give no page for a document without a PDF', () => {
    const elsewhere = answerable.filter(({ document }) => document !== manual);
    expect(elsewhere.map(({ page }) => page)).toEqual(elsewhere.map(() => null));
  });
});

describe('findPage', () => {
  const source = '## 1 Rotors\n\nSee section 2.\n\n## 2 Errors\n\nE14: wait 10 minutes.\n';
  const question: Extract<Question, { answerable: true }> = {
    id: 'e14',
    question: 'What does E14 mean?',
    answerable: true,
    expected: ['10 minutes'],
    document: manual,
    section: '2',
    page: 1,
  };

  it('skips the contents list and earlier pages that hold the same words', () => {
    expect(
      findPage(['1 Rotors 2 Errors 10 minutes', '1 Rotors 10 minutes', '2 Errors 10 minutes'], source, question),
    ).toBe(3);
  });

  it('finds an answer that went over to the next page', () => {
    expect(findPage(['2 Errors', 'E14: wait 10 minutes'], source, question)).toBe(2);
  });

  it('refuses an answer that no page holds, and a section that does not exist', () => {
    expect(() => findPage(['2 Errors'], source, question)).toThrow('no page from 1 on holds');
    expect(() => findPage(['2 Errors'], source, { ...question, section: '9' })).toThrow('There is no section 9');
  });
});
