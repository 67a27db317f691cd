/** A stretch of one text item of a page: `[start, end)` in UTF-16 code units of the item's string. */
export interface ItemRange {
  readonly itemIndex: number;
  readonly start: number;
  readonly end: number;
}

/** Shorter than this, what is left of a quote may stand anywhere on a page. */
const MIN_ANCHOR_LENGTH = 12;

interface Squashed {
  readonly text: string;
  /** For each code unit of `text`, the item and the offset that it came from. */
  readonly origins: readonly { readonly itemIndex: number; readonly offset: number }[];
}

/**
 * Where extraction and page layout differ: spaces, all kinds of dashes and soft hyphens, the bars that extraction puts between
 * the cells of a table, bullets.
 */
const skipped = /[\s\u00AD\u200B-\u200D\u2060\uFEFF\-\u2010-\u2015\u2212|*•◦▪‣·]/u;
const quoteMarks: Readonly<Record<string, string>> = { '“': '"', '”': '"', '„': '"', '‘': "'", '’': "'", '‚': "'" };

/** Reduce text to what survives layout: no spaces, no hyphens, ligatures and wide forms resolved, lower case. */
function squash(items: readonly string[]): Squashed {
  let text = '';
  const origins: { itemIndex: number; offset: number }[] = [];
  for (const [itemIndex, item] of items.entries()) {
    let offset = 0;
    for (const character of item) {
      if (!skipped.test(character)) {
        for (const folded of (quoteMarks[character] ?? character).normalize('NFKC').toLowerCase()) {
          if (skipped.test(folded)) continue;
          for (let unit = 0; unit < folded.length; unit += 1) origins.push({ itemIndex, offset });
          text += folded;
        }
      }
      offset += character.length;
    }
  }
  return { text, origins };
}

function findAll(haystack: string, needle: string): number[] {
  const found: number[] = [];
  if (needle === '') return found;
  for (let at = haystack.indexOf(needle); at !== -1; at = haystack.indexOf(needle, at + 1)) {
    found.push(at);
  }
  return found;
}

function locate(page: string, quote: string, passage: string): readonly [number, number] | null {
  const places = findAll(page, quote);
  if (places.length === 1) return [places[0] ?? 0, (places[0] ?? 0) + quote.length];
  if (places.length > 1) {
    // The same words stand twice: the passage around them decides, or nobody does.
    const inPassage = passage.indexOf(quote);
    if (inPassage === -1) return null;
    for (let margin = 16; margin <= passage.length + 16; margin *= 2) {
      const from = Math.max(0, inPassage - margin);
      const context = passage.slice(from, inPassage + quote.length + margin);
      const hits = findAll(page, context);
      const hit = hits[0];
      if (hits.length === 1 && hit !== undefined)
        return [hit + inPassage - from, hit + inPassage - from + quote.length];
      if (hits.length === 0) break;
    }
    return null;
  }
  // A page header or a footnote sits in the middle: both ends found once, in order and not too far apart, name the stretch.
  const anchor = Math.min(32, Math.floor(quote.length / 3));
  if (anchor < MIN_ANCHOR_LENGTH) return null;
  const starts = findAll(page, quote.slice(0, anchor));
  const ends = findAll(page, quote.slice(-anchor));
  const [start, end] = [starts[0], ends[0]];
  if (starts.length !== 1 || ends.length !== 1 || start === undefined || end === undefined) return null;
  const length = end + anchor - start;
  return length >= quote.length * 0.6 && length <= quote.length * 1.6 ? [start, end + anchor] : null;
}

/**
 * Where a quote stands in the text items of a page, tolerant to spacing, line-end hyphens, ligatures and case.
 * @param items strings of the page's text layer, in reading order
 * @param passage text around the quote, which tells repeated words apart
 * @returns one range for each item touched, in order; empty when the quote has no unique place: never a guess
 */
export function locateQuote(items: readonly string[], quote: string, passage = ''): ItemRange[] {
  const page = squash(items);
  const place = locate(page.text, squash([quote]).text, squash([passage]).text);
  if (place === null) return [];
  const ranges: { itemIndex: number; start: number; end: number }[] = [];
  for (const origin of page.origins.slice(place[0], place[1])) {
    const item = items[origin.itemIndex] ?? '';
    const width = String.fromCodePoint(item.codePointAt(origin.offset) ?? 0).length;
    const last = ranges.at(-1);
    if (last?.itemIndex === origin.itemIndex) last.end = Math.max(last.end, origin.offset + width);
    else ranges.push({ itemIndex: origin.itemIndex, start: origin.offset, end: origin.offset + width });
  }
  return ranges;
}
