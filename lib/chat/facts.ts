import { normaliseWord, type Span } from './words.ts';

/**
 * Facts that must never be wrong in an answer: numbers with their units, codes, dates. A fact is compared in a canonical form,
 * so `1,250 kg`, `1250kg` and `1250 kg` are one fact and `MX-7731` is not `MX-731`.
 */
export interface Fact extends Span {
  readonly kind: 'number' | 'code' | 'date';
  /** Canonical form, of the number without its unit. */
  readonly key: string;
  /** Canonical unit behind a number; null when there is none. */
  readonly unit: string | null;
}

const MONTHS = 'january february march april may june july august september october november december'.split(' ');
const MONTH = `(?:${MONTHS.map((name) => (name.length > 4 ? `${name.slice(0, 3)}(?:${name.slice(3)})?` : name)).join('|')}|sept)\\.?`;

const DATE_PATTERNS: readonly (readonly [RegExp, (groups: Readonly<Record<string, string>>) => string])[] = [
  [/(?<![\d-])(?<y>\d{4})-(?<m>\d{2})-(?<d>\d{2})(?![\d-])/g, (g) => dateKey(g['y'], g['m'], g['d'])],
  [
    new RegExp(`\\b(?<d>\\d{1,2})(?:st|nd|rd|th)?(?: of)? (?<m>${MONTH})(?:,? (?<y>\\d{4}))?\\b`, 'gi'),
    (g) => dateKey(g['y'], monthNumber(g['m']), g['d']),
  ],
  [
    new RegExp(`\\b(?<m>${MONTH}) (?<d>\\d{1,2})(?:st|nd|rd|th)?(?:,? (?<y>\\d{4}))?\\b(?!:)`, 'gi'),
    (g) => dateKey(g['y'], monthNumber(g['m']), g['d']),
  ],
  [new RegExp(`\\b(?<m>${MONTH}),? (?<y>\\d{4})\\b`, 'gi'), (g) => dateKey(g['y'], monthNumber(g['m']), undefined)],
  // Day and month cannot be told apart in slashed dates: equal only to the same digits.
  [
    /(?<![\d/.])(?<a>\d{1,2})[/](?<b>\d{1,2})[/](?<y>\d{2,4})(?![\d/])/g,
    (g) => `${Number(g['a'])}/${Number(g['b'])}/${g['y']}`,
  ],
];

function monthNumber(name: string | undefined): string {
  const prefix = (name ?? '').slice(0, 3).toLowerCase();
  return String(MONTHS.findIndex((month) => month.startsWith(prefix)) + 1);
}

function dateKey(year: string | undefined, month: string | undefined, day: string | undefined): string {
  return [year ?? '', Number(month), day === undefined ? '' : Number(day)].join('-');
}

/** Unit as written → canonical. Plurals and spelled-out forms meet in one key. */
const UNITS = new Map(
  (
    'mm=mm,millimetre,millimeter cm=cm,centimetre,centimeter m=m,metre,meter km=km,kilometre,kilometer in=in,inch,inches,″ ft=ft,foot,feet ' +
    'mg=mg,milligram g=g,gram kg=kg,kilogram lb=lb,lbs,pound t=tonne,ton ml=ml,millilitre,milliliter l=l,litre,liter gal=gal,gallon ' +
    'ms=ms,millisecond s=s,sec,second min=min,minute h=h,hr,hrs,hour day=day week=week month=month year=year ' +
    'v=v,volt mv=mv,millivolt kv=kv,kilovolt a=a,amp,ampere ma=ma,milliamp w=w,watt kw=kw,kilowatt mw=mw,megawatt kwh=kwh hz=hz,hertz khz=khz mhz=mhz ghz=ghz ' +
    'pa=pa,pascal kpa=kpa mpa=mpa bar=bar mbar=mbar psi=psi n=n,newton nm=nm,n·m,newton-metre °c=°c,celsius °f=°f,fahrenheit k=k,kelvin ' +
    'b=byte kb=kb,kilobyte mb=mb,megabyte gb=gb,gigabyte tb=tb,terabyte %=%,percent rpm=rpm db=db,decibel lux=lux ppm=ppm'
  )
    .split(' ')
    .flatMap((entry) => {
      const [canonical = '', names = ''] = entry.split('=');
      return names.split(',').flatMap((name): [string, string][] => [
        [name, canonical],
        [`${name}s`, canonical],
      ]);
    }),
);

const NUMBER_WORDS = new Map(
  'zero=0 two=2 three=3 four=4 five=5 six=6 seven=7 eight=8 nine=9 ten=10 eleven=11 twelve=12 thirteen=13 fourteen=14 fifteen=15 sixteen=16 seventeen=17 eighteen=18 nineteen=19 twenty=20 thirty=30 forty=40 fifty=50 sixty=60 seventy=70 eighty=80 ninety=90 hundred=100 thousand=1000 million=1000000 billion=1000000000'
    .split(' ')
    .map((pair): [string, string] => {
      const [word = '', value = ''] = pair.split('=');
      return [word, value];
    }),
);

/** Letters and digits mixed, perhaps in parts: `MX-7731`, `E12`, `IP67`, `v2.1`, `7731-B`. */
const TOKEN = /(?<![\p{L}\p{N}])[\p{L}\p{N}]+(?:[-‐‑–_/.][\p{L}\p{N}]+)*/gu;
const NUMBER = /(?<![\p{L}\p{N}.,])[-−]?\d+(?:[.,' \u00A0\u202F]\d{3})*(?:[.,]\d+)?(?![\p{L}\p{N}])/gu;
const NUMBER_WITH_UNIT =
  /(?<![\p{L}\p{N}.,])[-−]?\d+(?:[.,]\d+)*(?=(?<unit>[\p{L}°%″µ]+[·-]?\p{L}*)(?![\p{L}\p{N}]))/gu;
const UNIT_BEHIND = /^[ \u00A0\u202F-]?(?<unit>%|°[CF]|″|N·m|newton-metres?|\p{L}+)/iu;
const ORDINAL = /^\d+(?:st|nd|rd|th)$/i;

/** `1,250.50` → `1250.5`; a lone comma with other than three digits behind it is a decimal comma. */
export function canonicaliseNumber(written: string): string {
  let digits = written.replaceAll('−', '-').replaceAll(/[' \u00A0\u202F]/g, '');
  const isNegative = digits.startsWith('-');
  if (isNegative) digits = digits.slice(1);
  if (/^\d{1,3}(?:,\d{3})+(?:\.\d+)?$/.test(digits)) digits = digits.replaceAll(',', '');
  else if (/^\d{1,3}(?:\.\d{3}){2,}(?:,\d+)?$/.test(digits)) digits = digits.replaceAll('.', '').replace(',', '.');
  else if (/^\d+,\d+$/.test(digits)) digits = digits.replace(',', '.');
  if (digits.includes('.') && /^\d+\.\d+$/.test(digits)) digits = digits.replace(/\.?0+$/, '');
  digits = digits.replace(/^0+(?=\d)/, '');
  return isNegative ? `-${digits}` : digits;
}

export function canonicaliseCode(written: string): string {
  return normaliseWord(written.replaceAll(/[‐‑–]/g, '-'));
}

function readUnit(name: string | undefined): string | null {
  if (name === undefined) return null;
  return UNITS.get(name) ?? UNITS.get(name.toLowerCase()) ?? null;
}

/** Facts of a text in order, not overlapping. A date wins over its numbers, a code over its digits. */
export function findFacts(text: string): Fact[] {
  const facts: Fact[] = [];
  const isTaken = new Uint8Array(text.length);
  const add = (fact: Fact) => {
    if (isTaken.subarray(fact.start, fact.end).includes(1)) return;
    isTaken.fill(1, fact.start, fact.end);
    facts.push(fact);
  };
  for (const [pattern, toKey] of DATE_PATTERNS) {
    for (const match of text.matchAll(pattern)) {
      add({
        kind: 'date',
        key: toKey(match.groups ?? {}),
        unit: null,
        start: match.index,
        end: match.index + match[0].length,
      });
    }
  }
  for (const match of text.matchAll(NUMBER_WITH_UNIT)) {
    const unit = readUnit(match.groups?.['unit']);
    if (unit === null) continue;
    const end = match.index + match[0].length + (match.groups?.['unit'] ?? '').length;
    add({ kind: 'number', key: canonicaliseNumber(match[0]), unit, start: match.index, end });
  }
  for (const match of text.matchAll(TOKEN)) {
    const token = match[0];
    if (!/\d/.test(token) || !/\p{L}/u.test(token) || ORDINAL.test(token)) continue;
    // `30-day` and `2-year` are numbers with a unit, not codes.
    const compound = /^(?<count>\d+)[-‐‑–](?<word>\p{L}+)$/u.exec(token);
    if (compound !== null && /^\p{Ll}{2,}$/u.test(compound.groups?.['word'] ?? '')) continue;
    add({
      kind: 'code',
      key: canonicaliseCode(token),
      unit: null,
      start: match.index,
      end: match.index + token.length,
    });
  }
  for (const match of text.matchAll(NUMBER)) {
    const end = match.index + match[0].length;
    const behind = UNIT_BEHIND.exec(text.slice(end, end + 16));
    const unit = readUnit(behind?.groups?.['unit']);
    const unitEnd = unit === null || behind === null ? end : end + behind[0].length;
    add({ kind: 'number', key: canonicaliseNumber(match[0]), unit, start: match.index, end: unitEnd });
  }
  for (const match of text.matchAll(/(?<![\p{L}\p{N}])\p{L}+(?![\p{L}\p{N}])/gu)) {
    const key = NUMBER_WORDS.get(match[0].toLowerCase());
    if (key === undefined) continue;
    const end = match.index + match[0].length;
    const behind = UNIT_BEHIND.exec(text.slice(end, end + 16));
    const unit = readUnit(behind?.groups?.['unit']);
    add({
      kind: 'number',
      key,
      unit,
      start: match.index,
      end: unit === null || behind === null ? end : end + behind[0].length,
    });
  }
  return facts.sort((a, b) => a.start - b.start);
}

/** What a passage can vouch for. */
export class FactIndex {
  readonly #codes = new Set<string>();
  readonly #dates = new Set<string>();
  readonly #numbers = new Map<string, Set<string | null>>();
  /** Codes as written, for suggestions. */
  readonly #written = new Map<string, string>();

  constructor(texts: readonly string[]) {
    for (const text of texts) {
      for (const fact of findFacts(text)) {
        if (fact.kind === 'code') {
          this.#codes.add(fact.key);
          this.#written.set(fact.key, text.slice(fact.start, fact.end));
        } else if (fact.kind === 'date') {
          this.#dates.add(fact.key);
          // `12 March 2024` vouches for `March 2024`, `12 March` and 2024.
          const [year = '', month = '', day = ''] = fact.key.split('-');
          if (month !== '') {
            this.#dates.add(`${year}-${month}-`);
            this.#dates.add(`-${month}-${day}`);
            if (year !== '') this.#addNumber(year, null);
            if (day !== '') this.#addNumber(day, null);
          }
        } else {
          this.#addNumber(fact.key, fact.unit);
        }
      }
      // Digits inside a compound such as `MX-7731` or `10-15` may be quoted alone.
      for (const match of text.matchAll(/\d+(?:[.,]\d+)*/g)) this.#addNumber(canonicaliseNumber(match[0]), null);
    }
  }

  #addNumber(key: string, unit: string | null): void {
    const units = this.#numbers.get(key) ?? new Set();
    units.add(unit);
    this.#numbers.set(key, units);
  }

  /** A number with a unit needs the same unit, or a passage where the number stands without one (tables). */
  has(fact: Fact): boolean {
    if (fact.kind === 'code') return this.#codes.has(fact.key);
    if (fact.kind === 'date') return this.#dates.has(fact.key);
    const units = this.#numbers.get(fact.key);
    if (units === undefined) return false;
    if (fact.unit === null || units.has(fact.unit)) return true;
    return [...units].every((unit) => unit === null);
  }

  /** The one code within edit distance 2 (1 for codes under 5 characters), as written; null when none or several are. */
  findNearestCode(key: string): string | null {
    const limit = key.length < 5 ? 1 : 2;
    const near = [...this.#codes].filter((code) => measureEditDistance(code, key, limit) <= limit);
    const [only] = near;
    return near.length === 1 && only !== undefined ? (this.#written.get(only) ?? null) : null;
  }
}

/** Levenshtein distance; gives up with `limit + 1` once it must pass `limit`. */
export function measureEditDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, substitution));
    }
    previous = row;
  }
  return previous[b.length] ?? limit + 1;
}
