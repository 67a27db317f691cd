import PostalMime, { type Address } from 'postal-mime';
import { readHtmlBlocks } from './extract-html.ts';
import { extractPlainText } from './extract-text.ts';
import {
  cleanText,
  composeBlocks,
  type ExtractedPage,
  type LeftOutPart,
  paginateSections,
  type TextBlock,
} from './extracted-page.ts';
import { tooComplex, unreadable } from './extraction-errors.ts';

const ATTACHMENT_LEFT_OUT = 'Attachments of mail are not read. Save it from the mail and upload it.';

/** Parts inside parts: real mail stays below ten. */
const MAX_NESTING = 50;

/**
 * A mail: subject as heading, sender, receivers and date, then its text; the HTML version where there is one, which keeps
 * tables. Attachments are named, not read; pictures inside the text are neither.
 * @param onLeftOut told of each attachment
 * @throws AppError `document.unreadable`, `document.too-complex`
 */
export async function extractMail(
  bytes: Uint8Array,
  onLeftOut: (part: LeftOutPart) => void = () => undefined,
): Promise<ExtractedPage[]> {
  const mail = await PostalMime.parse(bytes, { maxNestingDepth: MAX_NESTING }).catch((cause: unknown) => {
    if (/nesting/i.test(String(cause)))
      throw tooComplex('nesting', `holds more than ${MAX_NESTING} parts inside parts`);
    throw unreadable('the mail could not be parsed', undefined, cause);
  });
  const attachments = mail.attachments
    .filter(({ related }) => related !== true)
    .map(({ filename, mimeType }) => oneLine(filename ?? '') || `an attachment of type ${oneLine(mimeType)}`);
  for (const name of attachments) onLeftOut({ name, reason: ATTACHMENT_LEFT_OUT });
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
