import { cleanText, type ExtractedPage, paginateBlocks } from './extracted-page.ts';

/** UTF-8, or UTF-16 by its mark; bytes that are no UTF-8 are read as Windows-1252, which takes every byte. */
export function decodeText(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}

/** Plain text: a form feed starts a page; without any the text is paged by length. */
export function extractPlainText(source: string): ExtractedPage[] {
  const text = cleanText(source);
  if (!text.includes('\f')) return paginateBlocks(splitParagraphs(text).map((paragraph) => ({ text: paragraph })));
  return text.split('\f').map((page, index) => ({
    pageNumber: index + 1,
    label: null,
    text: page.replaceAll(/^\n+|\s+$/g, ''),
    headings: [],
  }));
}

const MAX_PARAGRAPH_CHARACTERS = 10_000;

/** Blank lines part paragraphs; a text without blank lines is cut at line ends. */
function splitParagraphs(text: string): string[] {
  return text
    .split(/\n[ \t]*\n+/)
    .map((paragraph) => paragraph.replace(/\s+$/, ''))
    .flatMap((paragraph) => {
      const parts: string[] = [];
      let part = '';
      for (const line of paragraph.split('\n')) {
        if (part !== '' && part.length + line.length > MAX_PARAGRAPH_CHARACTERS) {
          parts.push(part);
          part = '';
        }
        part += part === '' ? line : `\n${line}`;
      }
      return [...parts, part];
    });
}
