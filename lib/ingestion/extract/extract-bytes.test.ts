import { expect, it } from 'vitest';
import { makeDocx, makeEpub, makePdf, makePdfStream, makePptx, makeXlsx } from '#lib/testing/make-document.ts';
import { EPUB, EXCEL, MAIL, type MediaType, POWERPOINT, SUBTITLES, WORD } from '../formats.ts';
import { extractBytes } from './extract-bytes.ts';
import type { LeftOutPart } from './extracted-page.ts';

async function extract(content: string | Uint8Array, mediaType: MediaType) {
  const pages = await extractBytes(new Uint8Array(Buffer.from(content)), mediaType);
  for (const page of pages) {
    for (const { offset, title } of page.headings) {
      expect(page.text.slice(offset, offset + title.length)).toBe(title);
    }
  }
  expect(pages.map((page) => page.pageNumber)).toEqual(pages.map((_, index) => index + 1));
  return pages;
}

const paragraph = (text: string, style = '') =>
  `<w:p>${style === '' ? '' : `<w:pPr><w:pStyle w:val="${style}"/></w:pPr>`}<w:r><w:t>${text}</w:t></w:r></w:p>`;
const wordRow = (...cells: string[]) =>
  `<w:tr>${cells.map((cell) => `<w:tc>${paragraph(cell)}</w:tc>`).join('')}</w:tr>`;

it('reads headings, paragraphs and tables of a Word file', async () => {
  const styles = {
    name: 'word/styles.xml',
    content:
      '<w:styles xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:style w:type="paragraph" w:styleId="Heading1"><w:name w:val="heading 1"/></w:style></w:styles>',
  };
  const relationships = {
    name: 'word/_rels/document.xml.rels',
    content:
      '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>',
  };
  const body = [
    paragraph('Installation', 'Heading1'),
    paragraph('Mount the pump upright.'),
    paragraph('Faults', 'Heading1'),
    `<w:tbl>${wordRow('Code', 'Meaning')}${wordRow('E-42', 'Inlet blocked')}</w:tbl>`,
  ].join('');
  const pages = await extract(makeDocx(body, [styles, relationships]), WORD);
  expect(pages).toEqual([
    {
      pageNumber: 1,
      label: 'Installation',
      text: 'Installation\n\nMount the pump upright.',
      headings: [{ offset: 0, level: 1, title: 'Installation' }],
    },
    {
      pageNumber: 2,
      label: 'Faults',
      text: 'Faults\n\nCode | Meaning\nE-42 | Inlet blocked',
      headings: [{ offset: 0, level: 1, title: 'Faults' }],
    },
  ]);
});

it('reads what a visitor of an HTML page reads', async () => {
  const pages = await extract(
    `<!doctype html><title>Site</title><nav>Menu</nav><script>alert(1)</script><style>p{}</style>
     <h1>Opening hours</h1><p>Monday to&nbsp;Friday</p><p hidden>Never</p>
     <ul><li>9 to 12</li><li>14 to 18</li></ul>
     <table><caption>Fees</caption><tr><th>Item</th><th>Price</th></tr><tr><td>Key</td><td>5&nbsp;€</td></tr></table>`,
    'text/html',
  );
  expect(pages).toMatchObject([
    {
      text: 'Opening hours\n\nMonday to Friday\n\n- 9 to 12\n- 14 to 18\n\nFees\n\nItem | Price\nKey | 5 €',
      headings: [{ offset: 0, level: 1, title: 'Opening hours' }],
    },
  ]);
});

it.each([
  ['commas', 'Part,Price\nMX-1,"1,50"\n'],
  ['semicolons', 'Part;Price\r\nMX-1;1,50\r\n'],
  ['tabs', 'Part\tPrice\nMX-1\t1,50'],
])('names the column of every value in a CSV file with %s', async (_separator, source) => {
  expect(await extract(source, 'text/csv')).toMatchObject([{ text: 'Part: MX-1 | Price: 1,50' }]);
});

it('keeps a row of a CSV file in one line, whatever its cells hold', async () => {
  const pages = await extract('Part,Note,Size\nMX-1,"first\nsecond, ""third""",5" pipe\nMX-2,,6" pipe\n', 'text/csv');
  expect(pages[0]?.text).toBe('Part: MX-1 | Note: first second, "third" | Size: 5" pipe\nPart: MX-2 | Size: 6" pipe');
});

it('says that a CSV file without rows has none', async () => {
  await expect(extract('Part,Price\n', 'text/csv')).rejects.toMatchObject({
    code: 'document.unreadable',
    userMessage: expect.stringContaining('no rows'),
  });
});

it('reads every sheet of a workbook with headers at each value and numbers as shown', async () => {
  const shared = [
    '<t>Part</t>',
    '<r><t>Pri</t></r><r><t>ce</t></r><rPh><t>phonetic</t></rPh>',
    '<t>Since</t>',
    '<t>Discount</t>',
  ];
  const header =
    '<row r="3"><c r="A3" t="s"><v>0</v></c><c r="B3" t="s"><v>1</v></c><c r="C3" t="s"><v>2</v></c><c r="D3" t="s"><v>3</v></c></row>';
  const workbook = makeXlsx(
    [
      {
        name: 'Price list',
        rows: `<row r="1"><c r="A1" t="inlineStr"><is><t>Valid in 2026</t></is></c></row>${header}
          <row r="4"><c r="A4" t="str"><f>"MX"&amp;1</f><v>MX-1</v></c><c r="B4" s="1"><v>1234.5</v></c><c r="C4" s="2"><v>45000</v></c><c r="D4" s="3"><v>0.155</v></c></row>
          <row r="5"><c r="A5" t="inlineStr"><is><t>MX-2</t></is></c><c r="D5" t="e"><v>#N/A</v></c></row>`,
      },
      { name: 'Notes &amp; more', rows: '<row><c t="inlineStr"><is><t>Only here</t></is></c></row>' },
      { name: 'Empty', rows: '' },
    ],
    shared,
    [
      [0, ''],
      [164, '#,##0.00 &quot;€&quot;'],
      [14, ''],
      [165, '0.0%'],
    ],
  );
  expect(await extract(workbook, EXCEL)).toEqual([
    {
      pageNumber: 1,
      label: 'Price list',
      text: 'Valid in 2026\n\nPart | Price | Since | Discount\nPart: MX-1 | Price: 1,234.50 € | Since: 2023-03-15 | Discount: 15.5%\nPart: MX-2 | Discount: #N/A',
      headings: [],
    },
    { pageNumber: 2, label: 'Notes & more', text: 'Only here', headings: [] },
  ]);
});

const shape = (text: string, placeholder?: string) =>
  `<p:sp><p:nvSpPr><p:nvPr>${placeholder === undefined ? '' : `<p:ph type="${placeholder}"/>`}</p:nvPr></p:nvSpPr><p:txBody>${text
    .split('\n')
    .map((line) => `<a:p><a:r><a:t>${line}</a:t></a:r></a:p>`)
    .join('')}</p:txBody></p:sp>`;

it('reads slides in the order of the presentation, with tables and notes', async () => {
  const table =
    '<p:graphicFrame><a:graphic><a:graphicData><a:tbl><a:tr><a:tc><a:txBody><a:p><a:r><a:t>Code</a:t></a:r></a:p></a:txBody></a:tc><a:tc><a:txBody><a:p><a:r><a:t>Meaning</a:t></a:r></a:p></a:txBody></a:tc></a:tr><a:tr><a:tc><a:txBody><a:p><a:r><a:t>E-42</a:t></a:r></a:p></a:txBody></a:tc><a:tc><a:txBody><a:p><a:r><a:t>Inlet</a:t></a:r></a:p><a:p><a:r><a:t>blocked</a:t></a:r></a:p></a:txBody></a:tc></a:tr></a:tbl></a:graphicData></a:graphic></p:graphicFrame>';
  const pages = await extract(
    makePptx([
      { shapes: shape('Mount it\nStart it') + shape('Pump P-9', 'ctrTitle') + shape('7', 'sldNum') },
      { shapes: '' },
      { shapes: table, notes: shape('image', 'sldImg') + shape('Mention the warranty.', 'body') },
    ]),
    POWERPOINT,
  );
  expect(pages).toEqual([
    {
      pageNumber: 1,
      label: 'Slide 1',
      text: 'Pump P-9\n\nMount it\nStart it',
      headings: [{ offset: 0, level: 1, title: 'Pump P-9' }],
    },
    { pageNumber: 2, label: 'Slide 2', text: '', headings: [] },
    {
      pageNumber: 3,
      label: 'Slide 3',
      text: 'Code | Meaning\nE-42 | Inlet blocked\n\nNotes: Mention the warranty.',
      headings: [],
    },
  ]);
});

it('reads chapters of a book in reading order, under their names in its contents', async () => {
  const pages = await extract(
    makeEpub([
      {
        href: 'text/b chapter.xhtml',
        title: 'One: Water',
        xhtml: '<html><head><title/></head><body><h2>I</h2><p>Water&#160;flows &eacute;asily.</p></body></html>',
      },
      { href: 'text/cover.xhtml', xhtml: '<html><body><img src="cover.png"/></body></html>' },
      { href: 'text/a.xhtml', xhtml: '<html><body><script/><h2>Fire</h2><p>Fire burns.</p></body></html>' },
    ]),
    EPUB,
  );
  expect(pages).toMatchObject([
    { label: 'One: Water', text: 'I\n\nWater flows éasily.' },
    { label: 'Fire', text: 'Fire\n\nFire burns.' },
  ]);
});

it('reads a mail with its sender, date and attachments, tables kept', async () => {
  const mail = [
    'From: =?utf-8?q?J=C3=BCrgen?= <j@example.com>',
    'To: Olga <o@example.com>, team@example.com',
    'Subject: =?utf-8?b?UMO8bXBl?= order',
    'Date: Tue, 3 Mar 2026 10:00:00 +0000',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=b',
    '',
    '--b',
    'Content-Type: multipart/alternative; boundary=c',
    '',
    '--c',
    'Content-Type: text/plain',
    '',
    'plain',
    '--c',
    'Content-Type: text/html; charset=utf-8',
    'Content-Transfer-Encoding: quoted-printable',
    '',
    '<p>We order:</p><table><tr><td>MX-1</td><td>3 =C3=97</td></tr></table>',
    '--c--',
    '--b',
    'Content-Type: application/pdf',
    'Content-Disposition: attachment; filename="offer.pdf"',
    'Content-Transfer-Encoding: base64',
    '',
    'JVBERi0=',
    '--b--',
  ].join('\r\n');
  expect(await extract(mail, MAIL)).toEqual([
    {
      pageNumber: 1,
      label: 'Pümpe order',
      text: 'Pümpe order\n\nFrom: Jürgen <j@example.com>\nTo: Olga <o@example.com>, team@example.com\nDate: 2026-03-03T10:00:00.000Z\nAttachments: offer.pdf\n\nWe order:\n\nMX-1 | 3 ×',
      headings: [{ offset: 0, level: 1, title: 'Pümpe order' }],
    },
  ]);
  const leftOut: LeftOutPart[] = [];
  await extractBytes(new Uint8Array(Buffer.from(mail)), MAIL, { onLeftOut: (part) => leftOut.push(part) });
  expect(leftOut).toEqual([{ name: 'offer.pdf', reason: expect.stringContaining('upload') }]);
  await expect(extract('just words\n\nand more', MAIL)).rejects.toMatchObject({ code: 'document.unreadable' });
});

it('reads subtitles as paragraphs with their times, five minutes a page', async () => {
  const pages = await extract(
    '\uFEFF1\r\n00:00:01,000 --> 00:00:04,000\r\n<i>Welcome to</i>\r\nthe pump.\r\n\r\n2\r\n00:00:05,000 --> 00:00:08,000\r\n{\\an8}It moves water.\r\n\r\n3\r\n00:00:40,000 --> 00:00:45,000\r\nNow start it.\r\n4\r\n00:05:00,000 --> 00:05:03,000\r\n42\r\n',
    SUBTITLES,
  );
  expect(pages).toMatchObject([
    {
      label: '00:00:00 – 00:05:00',
      text: '[00:00:01] Welcome to the pump. It moves water.\n\n[00:00:40] Now start it.',
    },
    { label: '00:05:00 – 00:10:00', text: '[00:05:00] 42' },
  ]);
  await expect(extract('no times at all', SUBTITLES)).rejects.toMatchObject({ code: 'document.unreadable' });
});

it('tells the pages of a PDF that are pictures from those with text and from empty ones', async () => {
  const font = '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>';
  const picture =
    '<< /Type /XObject /Subtype /Image /Width 1000 /Height 1000 /ColorSpace /DeviceGray /BitsPerComponent 8';
  const contents = [
    'BT /F1 12 Tf 72 700 Td (Close the valve.) Tj ET',
    'q 612 0 0 792 0 0 cm /Im0 Do Q',
    '',
    'q 612 0 0 792 0 0 cm /Im0 Do Q BT /F1 12 Tf 72 700 Td (Open it.) Tj ET',
  ];
  const FIRST_PAGE = 4;
  const page = (index: number) =>
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents ${FIRST_PAGE + contents.length + index} 0 R /Resources << /Font << /F1 ${font} >> /XObject << /Im0 3 0 R >> >> >>`;
  const file = makePdf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Kids [${contents.map((_, index) => `${FIRST_PAGE + index} 0 R`).join(' ')}] /Count ${contents.length} >>`,
    makePdfStream(Buffer.alloc(1_000_000, 127), picture.slice(3)),
    ...contents.map((_, index) => page(index)),
    ...contents.map((content) => makePdfStream(Buffer.from(content))),
  ]);
  const pages = await extract(file, 'application/pdf');
  expect(pages.map(({ text, isPicture }) => [text, isPicture === true])).toEqual([
    ['Close the valve.', false],
    ['', true],
    ['', false],
    ['Open it.', false],
  ]);
});
