import { getDocument, VerbosityLevel } from 'pdfjs-dist/legacy/build/pdf.mjs';

/**
 * Text of each page, first page at index 0. Runs of white space, line breaks included, become one space,
 * so that a sentence that the layout breaks can still be found as it stands in the source.
 */
export async function readPdfPages(pdf: Uint8Array): Promise<string[]> {
  // pdf.js takes over the buffer that it is given, hence the copy.
  const task = getDocument({ data: new Uint8Array(pdf), verbosity: VerbosityLevel.ERRORS });
  const document = await task.promise;
  try {
    const pages: string[] = [];
    for (let number = 1; number <= document.numPages; number += 1) {
      const page = await document.getPage(number);
      const { items } = await page.getTextContent();
      const text = items.map((item) => ('str' in item ? item.str + (item.hasEOL ? '\n' : '') : '')).join('');
      pages.push(collapseSpace(text));
    }
    return pages;
  } finally {
    await task.destroy();
  }
}

export function collapseSpace(text: string): string {
  return text.replace(/\s+/gu, ' ').trim();
}
