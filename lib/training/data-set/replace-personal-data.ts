import { isIP } from 'node:net';
import nlp from 'compromise/three';
import { type CountryCode, findPhoneNumbersInText } from 'libphonenumber-js/min';

/**
 * Finds personal data and puts a word for its kind in its place. Mail addresses, phone numbers, IBANs, payment cards and IP
 * addresses have a form (and most of them a checksum) that can be tested; names have not. Names are found by compromise, which
 * knows common English first names and a sentence's grammar: it misses rare and foreign names, and names in lower case.
 */
export const personalDataKinds = ['mail', 'iban', 'card', 'ip', 'phone', 'name'] as const;
export type PersonalDataKind = (typeof personalDataKinds)[number];

export type PersonalDataCounts = Readonly<Partial<Record<PersonalDataKind, number>>>;

interface Span {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  readonly kind: PersonalDataKind;
}

const MAIL = /[\p{L}\p{N}._%+-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.\p{L}{2,}/gu;
const IBAN = /\b[A-Z]{2}\d{2}(?: ?[A-Z\d]{2,4}){3,8}\b/g;
const CARD = /(?<![\d.-])\d(?:[ -]?\d){12,18}(?![\d.-]?\d)/g;
const IP_V4 = /(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.]*\d)/g;
const IP_V6 = /(?<![\w:.])(?:[\da-f]{0,4}:){2,7}[\da-f]{0,4}(?![\w:])/gi;

/** ISO 13616: the rearranged number, letters as 10 to 35, is 1 modulo 97. Spaces are ignored. */
export function isIban(text: string): boolean {
  const bare = text.replaceAll(' ', '').toUpperCase();
  if (!/^[A-Z]{2}\d{2}[A-Z\d]{11,30}$/.test(bare)) return false;
  let remainder = 0;
  for (const sign of bare.slice(4) + bare.slice(0, 4)) {
    for (const digit of String(Number.parseInt(sign, 36))) remainder = (remainder * 10 + Number(digit)) % 97;
  }
  return remainder === 1;
}

/** 13 to 19 digits, a first digit that card networks use, and the Luhn checksum (ISO/IEC 7812). Spaces and dashes are ignored. */
export function isPaymentCard(text: string): boolean {
  const digits = text.replaceAll(/[ -]/g, '');
  if (!/^[2-6]\d{12,18}$/.test(digits) || /^(\d)\1+$/.test(digits)) return false;
  let sum = 0;
  for (const [index, digit] of digits.split('').reverse().entries()) {
    const value = Number(digit) * (index % 2 === 1 ? 2 : 1);
    sum += value > 9 ? value - 9 : value;
  }
  return sum % 10 === 0;
}

function* matchAll(
  text: string,
  pattern: RegExp,
  kind: PersonalDataKind,
  isReal: (found: string) => boolean = () => true,
): Generator<Span> {
  for (const match of text.matchAll(pattern)) {
    if (isReal(match[0])) yield { start: match.index, end: match.index + match[0].length, kind };
  }
}

/** Words that greet, sign or stand where a name would, and that compromise takes for one. */
const NO_NAMES = new Set([
  'customer',
  'agent',
  'support',
  'assistant',
  'user',
  'sir',
  'madam',
  'team',
  'mr',
  'mrs',
  'ms',
]);

interface FoundPeople {
  readonly offset?: { readonly start: number; readonly length: number };
}

function* findNames(text: string): Generator<Span> {
  // A name needs a capital; most turns of a chat have none but the first letter of a sentence.
  if (!/\p{Lu}\p{L}/u.test(text)) return;
  const people: readonly FoundPeople[] = nlp(text).people().json({ offset: true });
  for (const { offset } of people) {
    if (!offset) continue;
    const found = text.slice(offset.start, offset.start + offset.length);
    // Only the leading capitalised words: "Grace period" keeps no name, "John," loses its comma.
    const [name = ''] = /^\s*(?:(?:\p{Lu}[\p{L}'’.-]*\p{L}|\p{Lu})\.?(?:\s+(?=\p{Lu}))?)+/u.exec(found) ?? [];
    const bare = name.trim().replace(/\.$/, '');
    const isCutShort = /^\s+\p{Ll}/u.test(found.slice(name.length));
    if (bare.length < 2 || NO_NAMES.has(bare.toLowerCase()) || (isCutShort && !bare.includes(' '))) continue;
    if (/\d/.test(bare) || bare === bare.toUpperCase()) continue;
    const start = offset.start + name.indexOf(bare);
    yield { start, end: start + bare.length, kind: 'name' };
  }
}

function findSpans(text: string, country: CountryCode): Span[] {
  const spans: Span[] = [
    ...matchAll(text, MAIL, 'mail'),
    ...matchAll(text, IBAN, 'iban', isIban),
    ...matchAll(text, CARD, 'card', isPaymentCard),
    ...matchAll(text, IP_V4, 'ip', (found) => isIP(found) === 4),
    ...matchAll(text, IP_V6, 'ip', (found) => isIP(found) === 6 && found.length > 3),
  ];
  if (/\d{3}/.test(text)) {
    for (const { startsAt, endsAt } of findPhoneNumbersInText(text, country)) {
      spans.push({ start: startsAt, end: endsAt, kind: 'phone' });
    }
  }
  spans.push(...findNames(text));
  // Kinds with a checksum stand first and win over what only looks like a number or a name.
  const order = (span: Span) => personalDataKinds.indexOf(span.kind);
  const kept: Span[] = [];
  for (const span of spans.toSorted((a, b) => order(a) - order(b) || a.start - b.start)) {
    if (kept.every(({ start, end }) => span.end <= start || span.start >= end)) kept.push(span);
  }
  return kept.toSorted((a, b) => a.start - b.start);
}

/**
 * Personal data in `text` as `[mail]`, `[phone]`, `[iban]`, `[card]`, `[ip]` and `[name]`; the rest as it is. Done twice it
 * changes nothing more.
 * @param country where phone numbers without a country code belong; default US
 */
export function replacePersonalData(
  text: string,
  country: CountryCode = 'US',
): { readonly text: string; readonly counts: PersonalDataCounts } {
  const counts: Partial<Record<PersonalDataKind, number>> = {};
  let replaced = '';
  let position = 0;
  for (const { start, end, kind } of findSpans(text, country)) {
    replaced += `${text.slice(position, start)}[${kind}]`;
    position = end;
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return { text: replaced + text.slice(position), counts };
}
