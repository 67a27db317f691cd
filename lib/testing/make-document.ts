import { type ArchiveFile, makeArchive } from './make-archive.ts';

/** Smallest files of each packed format that the programs they are named after open. */

const RELATIONSHIPS = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>';

function makeRelationships(targets: Readonly<Record<string, readonly [kind: string, target: string]>>): string {
  const entries = Object.entries(targets).map(
    ([id, [kind, target]]) => `<Relationship Id="${id}" Type="${RELATIONSHIPS}/${kind}" Target="${target}"/>`,
  );
  return `${DECLARATION}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">${entries.join('')}</Relationships>`;
}

function makeOfficeFiles(main: string, contentType: string): ArchiveFile[] {
  return [
    {
      name: '[Content_Types].xml',
      content: `${DECLARATION}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/${main}" ContentType="${contentType}.main+xml"/></Types>`,
    },
    { name: '_rels/.rels', content: makeRelationships({ rId1: ['officeDocument', main] }) },
  ];
}

/** @param body content of `w:body` */
export function makeDocx(body: string, more: readonly ArchiveFile[] = [], prolog = ''): Buffer {
  return makeArchive([
    ...makeOfficeFiles('word/document.xml', 'application/vnd.openxmlformats-officedocument.wordprocessingml.document'),
    {
      name: 'word/document.xml',
      content: `${DECLARATION}${prolog}<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>${body}</w:body></w:document>`,
    },
    ...more,
  ]);
}

export interface SheetFixture {
  readonly name: string;
  /** Content of `sheetData`. */
  readonly rows: string;
}

/** @param styles pairs of a format's number and its code; cell style n has the n-th */
export function makeXlsx(
  sheets: readonly SheetFixture[],
  sharedStrings: readonly string[] = [],
  styles: readonly (readonly [id: number, code: string])[] = [],
  more: readonly ArchiveFile[] = [],
): Buffer {
  const namespace = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"';
  return makeArchive([
    ...makeOfficeFiles('xl/workbook.xml', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'),
    {
      name: 'xl/workbook.xml',
      content: `${DECLARATION}<workbook ${namespace} xmlns:r="${RELATIONSHIPS}"><sheets>${sheets
        .map(({ name }, index) => `<sheet name="${name}" sheetId="${index + 1}" r:id="sheet${index + 1}"/>`)
        .join('')}</sheets></workbook>`,
    },
    {
      name: 'xl/_rels/workbook.xml.rels',
      content: makeRelationships({
        strings: ['sharedStrings', 'sharedStrings.xml'],
        styles: ['styles', '/xl/styles.xml'],
        ...Object.fromEntries(
          sheets.map((_, index) => [`sheet${index + 1}`, ['worksheet', `worksheets/sheet${index + 1}.xml`] as const]),
        ),
      }),
    },
    {
      name: 'xl/sharedStrings.xml',
      content: `${DECLARATION}<sst ${namespace}>${sharedStrings.map((text) => `<si>${text}</si>`).join('')}</sst>`,
    },
    {
      name: 'xl/styles.xml',
      content: `${DECLARATION}<styleSheet ${namespace}><numFmts>${styles
        .map(([id, code]) => (code === '' ? '' : `<numFmt numFmtId="${id}" formatCode="${code}"/>`))
        .join('')}</numFmts><cellXfs>${styles.map(([id]) => `<xf numFmtId="${id}"/>`).join('')}</cellXfs></styleSheet>`,
    },
    ...sheets.map(({ rows }, index) => ({
      name: `xl/worksheets/sheet${index + 1}.xml`,
      content: `${DECLARATION}<worksheet ${namespace}><sheetData>${rows}</sheetData></worksheet>`,
    })),
    ...more,
  ]);
}

export interface SlideFixture {
  /** Content of `p:spTree`. */
  readonly shapes: string;
  /** Content of the notes' `p:spTree`. */
  readonly notes?: string;
}

const makeTree = (shapes: string) => `<p:cSld><p:spTree>${shapes}</p:spTree></p:cSld>`;

/** Slides are listed in the order given, and their files are named in the opposite order. */
export function makePptx(slides: readonly SlideFixture[]): Buffer {
  const namespaces = `xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" xmlns:r="${RELATIONSHIPS}"`;
  const fileNumber = (index: number) => slides.length - index;
  return makeArchive([
    ...makeOfficeFiles(
      'ppt/presentation.xml',
      'application/vnd.openxmlformats-officedocument.presentationml.presentation',
    ),
    {
      name: 'ppt/presentation.xml',
      content: `${DECLARATION}<p:presentation ${namespaces}><p:sldIdLst>${slides
        .map((_, index) => `<p:sldId id="${256 + index}" r:id="rId${index + 1}"/>`)
        .join('')}</p:sldIdLst></p:presentation>`,
    },
    {
      name: 'ppt/_rels/presentation.xml.rels',
      content: makeRelationships(
        Object.fromEntries(
          slides.map((_, index) => [`rId${index + 1}`, ['slide', `slides/slide${fileNumber(index)}.xml`]]),
        ),
      ),
    },
    ...slides.flatMap(({ shapes, notes }, index) => {
      const number = fileNumber(index);
      const files: ArchiveFile[] = [
        {
          name: `ppt/slides/slide${number}.xml`,
          content: `${DECLARATION}<p:sld ${namespaces}>${makeTree(shapes)}</p:sld>`,
        },
      ];
      if (notes !== undefined) {
        files.push(
          {
            name: `ppt/slides/_rels/slide${number}.xml.rels`,
            content: makeRelationships({ rId1: ['notesSlide', `../notesSlides/notesSlide${number}.xml`] }),
          },
          {
            name: `ppt/notesSlides/notesSlide${number}.xml`,
            content: `${DECLARATION}<p:notes ${namespaces}>${makeTree(notes)}</p:notes>`,
          },
        );
      }
      return files;
    }),
  ]);
}

export interface ChapterFixture {
  readonly href: string;
  readonly xhtml: string;
  /** In the table of contents; left out without. */
  readonly title?: string;
}

export function makeEpub(chapters: readonly ChapterFixture[], more: readonly ArchiveFile[] = []): Buffer {
  const namespace = 'xmlns="http://www.idpf.org/2007/opf"';
  return makeArchive([
    { name: 'mimetype', content: 'application/epub+zip' },
    {
      name: 'META-INF/container.xml',
      content: `${DECLARATION}<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>`,
    },
    {
      name: 'OEBPS/book.opf',
      content: `${DECLARATION}<package ${namespace} version="3.0"><manifest><item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>${chapters
        .map(({ href }, index) => `<item id="c${index}" href="${encodeURI(href)}" media-type="application/xhtml+xml"/>`)
        .join(
          '',
        )}</manifest><spine>${chapters.map((_, index) => `<itemref idref="c${index}"/>`).join('')}</spine></package>`,
    },
    {
      name: 'OEBPS/nav.xhtml',
      content: `<html xmlns="http://www.w3.org/1999/xhtml"><body><nav><ol>${chapters
        .filter(({ title }) => title !== undefined)
        .map(({ href, title }) => `<li><a href="${encodeURI(href)}#top">${title}</a></li>`)
        .join('')}</ol></nav></body></html>`,
    },
    ...chapters.map(({ href, xhtml }) => ({ name: `OEBPS/${href}`, content: xhtml })),
    ...more,
  ]);
}

/**
 * A PDF from its objects, numbered from 1; the first is the catalog.
 * @param trailer more entries of the trailer
 */
export function makePdf(objects: readonly (string | Buffer)[], trailer = ''): Buffer {
  const parts: Buffer[] = [Buffer.from('%PDF-1.7\n')];
  const offsets: number[] = [];
  let length = parts[0]?.length ?? 0;
  for (const [index, object] of objects.entries()) {
    const bytes = Buffer.concat([Buffer.from(`${index + 1} 0 obj\n`), Buffer.from(object), Buffer.from('\nendobj\n')]);
    offsets.push(length);
    parts.push(bytes);
    length += bytes.length;
  }
  const rows = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  parts.push(
    Buffer.from(
      `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${rows}trailer\n<< /Size ${objects.length + 1} /Root 1 0 R ${trailer} >>\nstartxref\n${length}\n%%EOF\n`,
    ),
  );
  return Buffer.concat(parts);
}

/** A stream object of a PDF. @param entries more entries of its dictionary */
export function makePdfStream(content: Uint8Array, entries = ''): Buffer {
  return Buffer.concat([
    Buffer.from(`<< /Length ${content.length} ${entries} >>\nstream\n`),
    content,
    Buffer.from('\nendstream'),
  ]);
}

/** A PDF whose pages all are one, in Helvetica. @param kids references to pages; object 3 is the page */
export function makePagedPdf(content: Buffer, kids = '3 0 R', count = 1, trailer = ''): Buffer {
  const font = '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>';
  const page = `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 ${font} >> >> >>`;
  const pages = `<< /Type /Pages /Kids [${kids}] /Count ${count} >>`;
  return makePdf(['<< /Type /Catalog /Pages 2 0 R >>', pages, page, content], trailer);
}

const escapeText = (line: string) => line.replaceAll(/[\\()]/g, (character) => `\\${character}`);

/** A PDF with a text layer: each page's lines from the top down, 14 points apart, in Helvetica of 11 points. */
export function makeLinesPdf(pages: readonly (readonly string[])[]): Buffer {
  const first = 3;
  const font = '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>';
  return makePdf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Kids [${pages.map((_, index) => `${first + 2 * index} 0 R`).join(' ')}] /Count ${pages.length} >>`,
    ...pages.flatMap((lines, index) => {
      const drawn = lines.map((line) => `(${escapeText(line)}) Tj T*`).join('\n');
      return [
        `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents ${first + 2 * index + 1} 0 R /Resources << /Font << /F1 ${font} >> >> >>`,
        makePdfStream(Buffer.from(`BT /F1 11 Tf 14 TL 72 740 Td\n${drawn}\nET`, 'latin1')),
      ];
    }),
  ]);
}
