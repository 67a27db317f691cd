import PostalMime, { type Address } from 'postal-mime';
import { readHtmlBlocks } from './extract-html.ts';
import { extractPlainText } from './extract-text.ts';
import { cleanText, composeBlocks, type ExtractedPage, paginateSections, type TextBlock } from './extracted-page.ts';
import { tooComplex, unreadable } from './extraction-errors.ts';

/** Parts inside parts: real mail stays below ten. */
const MAX_NESTING = 50;

/**
 * A mail: subject as heading, sender, receivers and date, then its text; the HTML version where there is one, which keeps
 * tables. Attachments are named, not read.
 * @throws AppError `document.unreadable`, `document.too-complex`
 */
export async function extractMail(bytes: Uint8Array): Promise<ExtractedPage[]> {
  const mail = await PostalMime.parse(bytes, { maxNestingDepth: MAX_NESTING }).catch((cause: unknown) => {
    if (/nesting/i.test(String(cause)))
      throw tooComplex('nesting', `holds more than ${MAX_NESTING} parts inside parts`);
    throw unreadable('the mail could not be parsed', undefined, cause);
  });
  const attachments = mail.attachments.flatMap(({ filename }) => (filename === null ? [] : [oneLine(filename)]));
  const facts = [
    ['From', showAddresses(mail.from ? [mail.from] : [])],
    ['To', showAddresses(mail.to ?? [])],
    ['Cc', showAddresses(mail.cc ?? [])],
    ['Date', oneLine(mail.date ?? '')],
    ['Attachments', attachments.join(', ')],
  ].flatMap(([name = '', value = '']) => (value === '' ? [] : [`${name}: ${value}`]));
  if (mail.subject === undefined && facts.length === 0) {
    throw unreadable(
      'no header of a mail was found',
      'This file is no mail: it names no sender, receiver, date or subject.',
    );
  }
  const subject = oneLine(mail.subject ?? '');
  const blocks: TextBlock[] = [
    ...(subject === '' ? [] : [{ text: subject, headingLevel: 1 }]),
    { text: facts.join('\n') },
    ...readBody(mail),
  ];
  return paginateSections([{ label: subject || null, blocks }]);
}

function readBody({
  html,
  text,
}: {
  readonly html?: string | undefined;
  readonly text?: string | undefined;
}): TextBlock[] {
  const blocks = html === undefined ? [] : readHtmlBlocks(html);
  if (composeBlocks(blocks).text !== '') return blocks;
  return extractPlainText(text ?? '').map((page) => ({ text: page.text }));
}

function showAddresses(addresses: readonly Address[]): string {
  return addresses
    .flatMap((address) => address.group ?? [address])
    .map(({ name, address }) => oneLine(name === '' || name === address ? (address ?? name) : `${name} <${address}>`))
    .join(', ');
}

const oneLine = (text: string) => cleanText(text).replaceAll(/\s+/g, ' ').trim();
