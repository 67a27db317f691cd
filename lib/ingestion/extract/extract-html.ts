import { load } from 'cheerio';
import { Parser } from 'htmlparser2';
import { cleanText, type ExtractedPage, paginateBlocks, type TextBlock } from './extracted-page.ts';
import { tooComplex } from './extraction-errors.ts';

type HtmlNode = ReturnType<ReturnType<ReturnType<typeof load>['root']>['contents']>[number];

const SKIPPED = new Set([
  'script',
  'style',
  'noscript',
  'template',
  'nav',
  'svg',
  'iframe',
  'object',
  'form',
  'head',
  'aside',
  'dialog',
  'button',
  'select',
]);
const BLOCKS = new Set([
  'p',
  'div',
  'section',
  'article',
  'main',
  'header',
  'footer',
  'blockquote',
  'figure',
  'figcaption',
  'ul',
  'ol',
  'dl',
  'dt',
  'dd',
  'address',
  'details',
  'summary',
  'hr',
  'body',
  'html',
]);
const HEADING = /^h([1-6])$/;

const isText = (node: HtmlNode): node is HtmlNode & { data: string } => node.nodeType === 3 && 'data' in node;

/** Between the cells of a table row; a row is one line, so that the splitter never cuts inside it. */
export const CELL_SEPARATOR = ' | ';

/** Sections of an HTML page: headings kept, table rows as lines, navigation and scripts left out. */
export function extractHtml(html: string): ExtractedPage[] {
  return paginateBlocks(readHtmlBlocks(html));
}

/** @param dialect books are written in XHTML, where `<title/>` and `<script/>` are whole elements; a browser's rules would take all that follows for their content */
export function readHtmlBlocks(html: string, dialect: 'html' | 'xhtml' = 'html'): TextBlock[] {
  checkNesting(html);
  const $ = dialect === 'html' ? load(html) : load(html, { xml: { xmlMode: false, recognizeSelfClosing: true } });
  const blocks: TextBlock[] = [];
  let inline = '';
  const flush = () => {
    const text = tidy(inline);
    if (text !== '') blocks.push({ text });
    inline = '';
  };
  const walk = (node: HtmlNode, listDepth: number): void => {
    if (isText(node)) {
      inline += node.data.replaceAll(/\s+/g, ' ');
      return;
    }
    if (!('children' in node)) return;
    if ('attribs' in node) {
      const element = node;
      const name = element.name;
      if (SKIPPED.has(name) || 'hidden' in element.attribs || element.attribs['aria-hidden'] === 'true') return;
      const heading = HEADING.exec(name);
      if (heading) {
        flush();
        const text = tidy($(element).text()).replaceAll('\n', ' ');
        if (text !== '') blocks.push({ text, headingLevel: Number(heading[1]) });
        return;
      }
      if (name === 'br') {
        inline += '\n';
        return;
      }
      if (name === 'pre') {
        flush();
        const text = cleanText($(element).text()).replace(/^\n+|\s+$/g, '');
        if (text !== '') blocks.push({ text: text.includes('\n') ? fenceCode(text) : text });
        return;
      }
      if (name === 'table') {
        flush();
        const rows = $(element)
          .find('tr')
          .toArray()
          .filter((row) => $(row).closest('table')[0] === element)
          .map((row) =>
            $(row)
              .children('th,td')
              .toArray()
              .map((cell) => tidy($(cell).text()).replaceAll(/\s+/g, ' '))
              .join(CELL_SEPARATOR),
          )
          .filter((row) => row.replaceAll('|', '').trim() !== '');
        const caption = tidy($(element).children('caption').text());
        if (caption !== '') blocks.push({ text: caption });
        if (rows.length > 0) blocks.push({ text: rows.join('\n') });
        return;
      }
      if (name === 'li') {
        // Items stay lines of one block: a list is read as a whole.
        inline = `${inline.trimEnd()}\n${'  '.repeat(Math.max(0, listDepth - 1))}- `;
        for (const child of element.children) walk(child, listDepth);
        return;
      }
      if (name === 'ul' || name === 'ol') {
        if (listDepth === 0) flush();
        for (const child of element.children) walk(child, listDepth + 1);
        if (listDepth === 0) flush();
        return;
      }
      if (BLOCKS.has(name)) {
        if (listDepth === 0) flush();
        else inline += ' ';
        for (const child of element.children) walk(child, listDepth);
        if (listDepth === 0) flush();
        else inline += ' ';
        return;
      }
    }
    for (const child of node.children) walk(child, listDepth);
  };
  for (const node of $.root().contents().toArray()) walk(node, 0);
  flush();
  return blocks;
}

/** As Markdown marks a block of code, so that the splitter keeps it whole wherever it comes from. */
function fenceCode(text: string): string {
  const longest = Math.max(0, ...Array.from(text.matchAll(/`+/g), ([run]) => run.length));
  const fence = '`'.repeat(Math.max(3, longest + 1));
  return `${fence}\n${text}\n${fence}`;
}

/** Pages that people wrote stay below a hundred, and careless ones that never close a tag below a thousand. */
const MAX_NESTING = 2000;

/** A tree is built in time that grows with the square of its depth, so depth is counted before. */
function checkNesting(html: string): void {
  let depth = 0;
  const parser = new Parser({
    onopentagname() {
      depth += 1;
      if (depth > MAX_NESTING) {
        throw tooComplex('nesting', `holds more than ${MAX_NESTING} elements inside each other`);
      }
    },
    onclosetag() {
      depth -= 1;
    },
  });
  parser.end(html);
}

function tidy(text: string): string {
  return cleanText(text)
    .split('\n')
    .map((line) => {
      const indent = /^ *(?=- )/.exec(line)?.[0] ?? '';
      return indent + line.replaceAll(/[ \t]+/g, ' ').trim();
    })
    .filter((line) => line.trim() !== '' && line.trim() !== '-')
    .join('\n');
}
