import { deflateSync } from 'node:zlib';
import { expect, it } from 'vitest';
import type { ArchiveFile } from '#lib/testing/make-archive.ts';
import { makeDocx, makeEpub, makePagedPdf, makePdf, makePdfStream, makeXlsx } from '#lib/testing/make-document.ts';
import { EPUB, EXCEL, MAIL, type MediaType, WORD } from '../formats.ts';
import { type DocumentLimits, defaultDocumentLimits } from './document-limits.ts';
import { extractBytes } from './extract-bytes.ts';

/** What the extraction process does with a file, without the process. */
function extract(content: string | Uint8Array, mediaType: MediaType, limits: Partial<DocumentLimits> = {}) {
  return extractBytes(new Uint8Array(Buffer.from(content)), mediaType, {
    limits: { ...defaultDocumentLimits, ...limits },
  });
}

const BOMB_BYTES = 16_000_000;
/** A thousandth of its size when packed. */
const bomb = (name: string): ArchiveFile => ({ name, content: Buffer.alloc(BOMB_BYTES, ' ') });
const tooComplex = (cause: string) => ({ code: 'document.too-complex', details: { cause } });

it.each([
  ['a Word file', WORD, () => makeDocx('', [bomb('word/media/image1.xml')])],
  ['a workbook', EXCEL, () => makeXlsx([{ name: 'S', rows: Buffer.alloc(BOMB_BYTES, ' ').toString() }])],
  ['a book', EPUB, () => makeEpub([{ href: 'a.xhtml', xhtml: Buffer.alloc(BOMB_BYTES, ' ').toString() }])],
] as const)(
  'stops at the compression ratio of %s that unpacks to far more than it is',
  async (_what, mediaType, make) => {
    const file = make();
    expect(file.length).toBeLessThan(BOMB_BYTES / 500);
    await expect(extract(file, mediaType)).rejects.toMatchObject(tooComplex('compression-ratio'));
  },
);

it('counts what all parts unpack to together, whatever the archive claims', async () => {
  const parts = [1, 2, 3].map((index) => ({ name: `word/part${index}.xml`, content: Buffer.alloc(9_000_000, ' ') }));
  await expect(extract(makeDocx('', parts), WORD, { maxUnpackedBytes: 20_000_000 })).rejects.toMatchObject(
    tooComplex('unpacked-size'),
  );
});

it('refuses a part that is larger than the archive claims', async () => {
  const liar = makeDocx('', [{ name: 'word/liar.xml', content: Buffer.alloc(100_000, ' '), claimedBytes: 10 }]);
  await expect(extract(liar, WORD)).rejects.toMatchObject({ code: 'document.unreadable' });
});

it('counts the text that a workbook repeats by reference', async () => {
  const cells = '<c t="s"><v>0</v></c>'.repeat(100);
  const workbook = makeXlsx(
    [{ name: 'S', rows: `<row>${cells}</row>`.repeat(100) }],
    [`<t>${'laugh '.repeat(2000)}</t>`],
  );
  expect(workbook.length).toBeLessThan(10_000);
  await expect(extract(workbook, EXCEL)).rejects.toMatchObject(tooComplex('size'));
});

const LAUGHS = `<!DOCTYPE lolz [<!ENTITY lol "lol">${Array.from(
  { length: 9 },
  (_, index) => `<!ENTITY lol${index + 1} "${`&lol${index === 0 ? '' : index};`.repeat(10)}">`,
).join('')}]>`;

it('refuses XML that declares entities, in every packed format', async () => {
  const word = makeDocx('<w:p><w:r><w:t>&lol9;</w:t></w:r></w:p>', [], LAUGHS);
  const book = makeEpub([{ href: 'a.xhtml', xhtml: `${LAUGHS}<html><body>&lol9;</body></html>` }]);
  const sheet = makeXlsx([{ name: 'S', rows: '' }], [], [], [{ name: 'xl/unused.xml', content: LAUGHS }]);
  await expect(extract(word, WORD)).rejects.toMatchObject(tooComplex('entities'));
  await expect(extract(book, EPUB)).rejects.toMatchObject(tooComplex('entities'));
  // What nobody reads harms nobody.
  expect(await extract(sheet, EXCEL)).toEqual([]);
  expect(await extract(`${LAUGHS}<html><body><p>Kept &lol9;</p></body></html>`, 'text/html')).toHaveLength(1);
});

it('refuses trees that are nested without end', async () => {
  expect(await extract(`${'<div>'.repeat(1900)}deep`, 'text/html')).toMatchObject([{ text: 'deep' }]);
  const nested = `${'<div>'.repeat(200_000)}deep`;
  await expect(extract(nested, 'text/html')).rejects.toMatchObject(tooComplex('nesting'));
  const parts = Array.from(
    { length: 60 },
    (_, index) => `Content-Type: multipart/mixed; boundary=b${index}\r\n\r\n--b${index}\r\n`,
  );
  await expect(extract(`Subject: deep\r\n${parts.join('')}`, MAIL)).rejects.toMatchObject(tooComplex('nesting'));
});

const words = makePdfStream(Buffer.from('BT /F1 12 Tf 72 700 Td (The pump moves water.) Tj ET'));

it('reads the PDF that the hostile ones below are made from', async () => {
  expect(await extract(makePagedPdf(words), 'application/pdf')).toMatchObject([{ text: 'The pump moves water.' }]);
});

it('refuses a PDF with more pages than are allowed before it reads one', async () => {
  const endless = makePagedPdf(words, '3 0 R '.repeat(10_001), 10_001);
  await expect(extract(endless, 'application/pdf')).rejects.toMatchObject(tooComplex('pages'));
});

it('ends on a PDF whose page tree is a circle', async () => {
  const circle = makePdf(['<< /Type /Catalog /Pages 2 0 R >>', '<< /Type /Pages /Kids [2 0 R] /Count 5 >>']);
  await expect(extract(circle, 'application/pdf')).rejects.toMatchObject({ code: 'document.unreadable' });
});

it('stops at a PDF page whose text has no end', async () => {
  const line = Buffer.from('BT /F1 12 Tf 72 700 Td (aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa) Tj ET\n');
  const stream = makePdfStream(deflateSync(Buffer.alloc(line.length * 20_000, line)), '/Filter /FlateDecode');
  await expect(extract(makePagedPdf(stream), 'application/pdf', { maxCharacters: 100_000 })).rejects.toMatchObject(
    tooComplex('size'),
  );
});

it('tells a garbled PDF from an encrypted one', async () => {
  const garbage = Buffer.concat([Buffer.from('%PDF-1.7\n'), Buffer.alloc(50_000, 'x9 0 obj << ')]);
  await expect(extract(garbage, 'application/pdf')).rejects.toMatchObject({
    code: 'document.unreadable',
    userMessage: expect.stringContaining('damaged'),
  });
  const key = '0'.repeat(64);
  const encrypted = makePagedPdf(
    words,
    '3 0 R',
    1,
    `/ID [<${key}> <${key}>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <${key}> /U <${key}> >>`,
  );
  await expect(extract(encrypted, 'application/pdf')).rejects.toMatchObject({
    code: 'document.unreadable',
    userMessage: expect.stringContaining('password'),
  });
});
