/**
 * Typesets the demo manual: `db/seeds/demo/*-manual.md` → the PDF beside it, and the PDF pages in `questions.json`.
 * The PDF is committed, so this runs only when the Markdown changes. The same Markdown, Chromium and fonts
 * (Liberation Sans) give the same bytes.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { chromium, type Page } from 'playwright';
import { createElement, type ReactNode } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import Markdown from 'react-markdown';
import remarkGfm from 'remark-gfm';
import { ensureTestBrowser } from '#scripts/test/browser.ts';
import { demoFolder, findPage, type Question, questionFileSchema } from './demo-questions.ts';
import { collapseSpace, readPdfPages } from './read-pdf-pages.ts';

const SLUG = 'tarnwick-k40-manual';
const RUNNING_HEADER = 'Tarnwick K-40 · Operating Manual';
const EDITION = 'TW-M-1187 · Revision 6 · March 2026';
/** Written over the time of the build, with the same length, so that the file does not change from build to build. */
const FIXED_PDF_DATE = "D:20260302090000+00'00'";

const UNBROKEN = /\b(?:(?:MX|TW)-(?:[A-Z]-)?\d{2,4}|K40-\d{3})\b|\+\d[\d ]{8,}\d/gu;

const css = `
@page {
  size: A4;
  margin: 22mm 20mm 19mm 20mm;
  @top-left { content: "${RUNNING_HEADER}"; font: 8pt "Liberation Sans", sans-serif; color: #5b6470; }
  @top-right { content: "${EDITION}"; font: 8pt "Liberation Sans", sans-serif; color: #5b6470; }
  @bottom-right { content: "Page " counter(page) " of " counter(pages); font: 8pt "Liberation Sans", sans-serif; color: #5b6470; }
}
@page :first { @top-left { content: none } @top-right { content: none } @bottom-right { content: none } }
html { font: 9.5pt/1.42 "Liberation Sans", Arial, sans-serif; color: #16191d; }
body { margin: 0; }
h1 { font-size: 25pt; line-height: 1.2; margin: 60mm 0 10mm; padding-bottom: 6mm; border-bottom: 2pt solid #0b5c6b; }
h2 { font-size: 17pt; break-before: page; margin: 0 0 5mm; color: #0b5c6b; }
h3 { font-size: 12pt; margin: 6mm 0 1.6mm; break-after: avoid; }
p, ul, ol { margin: 0 0 2.6mm; orphans: 3; widows: 3; }
li { margin-bottom: 0.6mm; }
table { border-collapse: collapse; width: 100%; margin: 3mm 0 5mm; font-size: 9pt; line-height: 1.3; break-inside: avoid; }
th, td { border-bottom: 0.5pt solid #c3c9d0; padding: 1.15mm 2mm; text-align: left; vertical-align: top; }
th { border-bottom: 1pt solid #0b5c6b; }
thead:not(:has(th:not(:empty))) { display: none; }
tr { break-inside: avoid; }
/* An order number or a telephone number that is broken at its hyphen cannot be found by a search. */
.unbroken { white-space: nowrap; }
.box { border-left: 3pt solid #b3261e; background: #fbf1f0; padding: 2mm 3mm; break-inside: avoid; }
.box.notice { border-color: #0b5c6b; background: #eef5f6; }
nav { break-before: page; }
nav h2 { break-before: avoid; }
nav ol { list-style: none; padding: 0; }
nav li { display: flex; gap: 2mm; margin: 0 0 0.3mm; font-size: 8.4pt; line-height: 1.15; }
nav li.top { margin-top: 0.9mm; font-weight: bold; }
nav li.sub { padding-left: 6mm; }
nav li::before { content: ""; order: 2; flex: 1; border-bottom: 0.5pt dotted #8a929c; margin-bottom: 1.2mm; }
nav li a { order: 1; color: inherit; text-decoration: none; }
nav li span { order: 3; }
`;

interface Heading {
  readonly level: 2 | 3;
  readonly title: string;
}

function listHeadings(markdown: string): Heading[] {
  return [...markdown.matchAll(/^(#{2,3}) (.+)$/gmu)].map(([, marks = '', title = '']) => ({
    level: marks.length === 2 ? 2 : 3,
    title,
  }));
}

function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^a-z0-9]+/gu, '-')
    .replace(/^-|-$/gu, '');
}

function textOf(node: ReactNode): string {
  if (Array.isArray(node)) return node.map((child: ReactNode) => textOf(child)).join('');
  return typeof node === 'string' ? node : '';
}

function withAnchor(tag: 'h2' | 'h3') {
  return (props: { children?: ReactNode }) =>
    createElement(tag, { id: anchorOf(textOf(props.children)) }, props.children);
}

/** A paragraph that begins with a bold signal word is set as a warning box. */
function renderBody(markdown: string): string {
  return renderToStaticMarkup(
    createElement(
      Markdown,
      {
        remarkPlugins: [remarkGfm],
        components: { h2: withAnchor('h2'), h3: withAnchor('h3') },
      },
      markdown,
    ),
  )
    .replaceAll(UNBROKEN, '<span class="unbroken">$&</span>')
    .replaceAll('<p><strong>NOTICE', '<p class="box notice"><strong>NOTICE')
    .replaceAll(/<p><strong>(DANGER|WARNING|CAUTION)/gu, '<p class="box"><strong>$1');
}

/** @param pageOf page of a heading, from 1; undefined while the pages are not known yet */
function renderHtml(markdown: string, pageOf: (title: string) => number | undefined): string {
  const entries = listHeadings(markdown)
    .map(({ level, title }) => {
      const page = pageOf(title) ?? '00';
      return `<li class="${level === 3 ? 'sub' : 'top'}"><a href="#${anchorOf(title)}">${title}</a><span>${page}</span></li>`;
    })
    .join('');
  const body = renderBody(markdown).replace('<h2', `<nav><h2>Contents</h2><ol>${entries}</ol></nav><h2`);
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${RUNNING_HEADER}</title><style>${css}</style></head><body>${body}</body></html>`;
}

async function printPdf(page: Page, html: string): Promise<Buffer> {
  await page.setContent(html, { waitUntil: 'load' });
  const pdf = await page.pdf({ preferCSSPageSize: true, printBackground: true, outline: true, tagged: true });
  const text = pdf
    .toString('latin1')
    .replaceAll(/\/(CreationDate|ModDate) \((D:[^)]*)\)/gu, (_, key: string, date: string) => {
      if (date.length !== FIXED_PDF_DATE.length)
        throw new Error(`Expected a PDF date like ${FIXED_PDF_DATE}, got ${date}.`);
      return `/${key} (${FIXED_PDF_DATE})`;
    });
  return Buffer.from(text, 'latin1');
}

/** First page after the contents on which the heading stands. */
function locateHeading(pages: readonly string[], title: string): number {
  const wanted = collapseSpace(title);
  const firstBodyPage = pages.findIndex(
    (text) => text.includes('1.1 Who should read it') && !text.includes('Contents'),
  );
  const index = pages.findIndex((text, at) => at >= firstBodyPage && text.includes(wanted));
  if (index < 0) throw new Error(`The heading "${title}" is on no page of the PDF.`);
  return index + 1;
}

const found = await ensureTestBrowser((line) => console.log(line));
if ('skipped' in found) throw new Error(found.skipped);
const browser = await chromium.launch({ executablePath: found.path, args: ['--no-sandbox', '--disable-gpu'] });
try {
  const page = await browser.newPage();
  const markdown = await readFile(new URL(`${SLUG}.md`, demoFolder), 'utf8');

  // The numbers in the contents are as wide as their placeholders, so the second setting breaks pages like the first.
  const draftPages = await readPdfPages(
    await printPdf(
      page,
      renderHtml(markdown, () => undefined),
    ),
  );
  const pdf = await printPdf(
    page,
    renderHtml(markdown, (title) => locateHeading(draftPages, title)),
  );
  const pages = await readPdfPages(pdf);
  if (pages.length !== draftPages.length)
    throw new Error('The contents changed the page breaks; widen the placeholder.');
  await writeFile(new URL(`${SLUG}.pdf`, demoFolder), pdf);

  const questionsUrl = new URL('questions.json', demoFolder);
  const file = questionFileSchema.parse(JSON.parse(await readFile(questionsUrl, 'utf8')));
  const questions = file.questions.map((question): Question => {
    if (!question.answerable || question.document !== `${SLUG}.md`) return question;
    return { ...question, page: findPage(pages, markdown, question) };
  });
  await writeFile(questionsUrl, `${JSON.stringify({ ...file, questions }, null, 2)}\n`);
  console.log(`${SLUG}.pdf: ${pages.length} pages, ${Math.round(pdf.length / 1024)} KiB`);
} finally {
  await browser.close();
}
