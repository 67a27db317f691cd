import type { Element, ElementContent, Root, RootContent, Text } from 'hast';
import type { Citation, UnsupportedSpan } from '#lib/domain/chat.ts';

/**
 * Citations and doubtful spans have offsets into the answer's markdown. They ride through the markdown parser as marks in the
 * text and become elements afterwards, so they survive emphasis, lists and tables without a map of positions.
 *
 * U+FFFC is a symbol to CommonMark: next to emphasis it behaves like punctuation and keeps `**bold.**` bold, which a
 * private-use character would not.
 */
const MARK = '\uFFFC';
const markPattern = /\uFFFC(c\d+(?:,\d+)*|s\d+|e)\uFFFC/g;

/** Elements made from the marks; the page's renderer maps them to components. */
export const citationElement = 'lore-citation';
export const unsupportedElement = 'lore-unsupported';

/** Emphasis and code fences that close right behind an offset: a mark goes behind them, never between. */
const closingRun = /^[*_~`]+/;

const bareAddressEnd = /(?:https?:\/\/|www\.)\S*$/i;

export interface AnswerMarks {
  readonly citations: readonly Citation[];
  readonly unsupportedSpans: readonly UnsupportedSpan[];
}

/**
 * Write marks into the markdown. Offsets outside of the text are ignored; several citations at one place become one mark
 * whose numbers are distinct and keep the order of `citations`.
 */
export function markAnswer(markdown: string, marks: AnswerMarks): string {
  // Same length, so offsets stay true, and no text of a document can pose as a mark.
  const clean = markdown.replaceAll(MARK, ' ');
  const inserts = new Map<number, { ends: number; starts: number[]; cites: number[] }>();
  const at = (offset: number) => {
    const entry = inserts.get(offset) ?? { ends: 0, starts: [], cites: [] };
    inserts.set(offset, entry);
    return entry;
  };

  for (const [index, citation] of marks.citations.entries()) {
    if (citation.answerEnd > clean.length || citation.answerEnd <= 0) continue;
    const closing = closingRun.exec(clean.slice(citation.answerEnd))?.[0] ?? '';
    // A run at the start of a word opens emphasis for what follows; only one that closes is skipped.
    const after = clean[citation.answerEnd + closing.length] ?? ' ';
    const isClosing = closing !== '' && !/[\p{L}\p{N}]/u.test(after);
    const entry = at(citation.answerEnd + (isClosing ? closing.length : 0));
    const isKnown = entry.cites.some((known) => marks.citations[known]?.sourceNumber === citation.sourceNumber);
    if (!isKnown) entry.cites.push(index);
  }

  let openUntil = 0;
  const spans = marks.unsupportedSpans
    .map((span, index) => ({ ...span, index }))
    .filter((span) => span.answerStart >= 0 && span.answerEnd <= clean.length && span.answerStart < span.answerEnd)
    .sort((a, b) => a.answerStart - b.answerStart || b.answerEnd - a.answerEnd);
  for (const span of spans) {
    // A number inside a doubtful sentence is already marked with the sentence.
    if (span.answerStart < openUntil) continue;
    openUntil = span.answerEnd;
    at(span.answerStart).starts.push(span.index);
    at(span.answerEnd).ends += 1;
  }

  let marked = '';
  let position = 0;
  for (const [offset, { ends, starts, cites }] of [...inserts].sort(([a], [b]) => a - b)) {
    marked += clean.slice(position, offset);
    marked += `${MARK}e${MARK}`.repeat(ends);
    if (cites.length > 0) {
      // A bare address reaches to the next white space and would take the mark, a button, into its link.
      if (bareAddressEnd.test(marked)) marked += ' ';
      marked += `${MARK}c${cites.join(',')}${MARK}`;
    }
    for (const start of starts) marked += `${MARK}s${start}${MARK}`;
    position = offset;
  }
  return marked + clean.slice(position);
}

export const stripMarks = (text: string) => text.replace(markPattern, '').replaceAll(MARK, '');

/** Marks in an address come out percent-encoded. */
export const stripMarksFromUrl = (url: string) =>
  stripMarks(url.replaceAll(/%EF%BF%BC/gi, MARK)).replaceAll(/\s+/g, '');

/** Turn the marks in a parsed answer into elements. Runs after the sanitizer, which knows nothing of our elements. */
export function placeMarks(root: Root): void {
  let openSpan: string | null = null;

  const wrap = (value: string): ElementContent => {
    const text: Text = { type: 'text', value };
    if (openSpan === null) return text;
    return { type: 'element', tagName: unsupportedElement, properties: { index: openSpan }, children: [text] };
  };

  const splitText = (value: string): ElementContent[] => {
    const out: ElementContent[] = [];
    let position = 0;
    for (const match of value.matchAll(markPattern)) {
      const before = value.slice(position, match.index);
      if (before !== '') out.push(wrap(before));
      const code = match[1] ?? '';
      if (code === 'e') openSpan = null;
      else if (code.startsWith('s')) openSpan = code.slice(1);
      else {
        for (const index of code.slice(1).split(',')) {
          const chip: Element = { type: 'element', tagName: citationElement, properties: { index }, children: [] };
          out.push(chip);
        }
      }
      position = match.index + match[0].length;
    }
    const rest = value.slice(position);
    if (rest !== '') out.push(wrap(rest));
    return out;
  };

  const visit = <T extends RootContent | ElementContent>(children: readonly T[]): (T | ElementContent)[] =>
    children.flatMap((child): (T | ElementContent)[] => {
      if (child.type === 'text') {
        const isSplit = child.value.includes(MARK) || (openSpan !== null && child.value.trim() !== '');
        return isSplit ? splitText(child.value) : [child];
      }
      if (child.type === 'element') {
        child.children = visit(child.children);
        if (typeof child.properties['href'] === 'string') {
          child.properties['href'] = stripMarksFromUrl(child.properties['href']);
        }
      }
      return [child];
    });

  root.children = visit(root.children);
}

/** `placeMarks` as a rehype plugin. */
export const rehypePlaceMarks = () => placeMarks;
