/** How a question speaks of the document to look in, as far as its grammar tells: no titles are known here. */
export interface DocumentMention {
  /**
   * It speaks of a document as a document, be it only of "the manual". Only then may a title that it holds narrow it: "the
   * warranty of the Model 7" must not be looked for in "Model 7.pdf" alone.
   */
  readonly isAboutDocument: boolean;
  /** What it calls documents by: "k40" of "in the K40 manual". Empty: it names none, or says only "the manual". */
  readonly phrases: readonly DocumentPhrase[];
  /** It asks to look in others than before, or in all: "and in the other manuals?" */
  readonly isElsewhere: boolean;
  /** "What does the manual say?", "in the same document": one that was named before. */
  readonly isPointing: boolean;
}

export interface DocumentPhrase {
  /** Lower case. */
  readonly words: readonly string[];
  /** The kind of document that follows them, such as "manual"; null for a quoted title and a file name. */
  readonly noun: string | null;
  /** Where it stands in the question, in UTF-16 code units, end exclusive. */
  readonly start: number;
  readonly end: number;
}

const NOUNS = new Set('document file manual guide handbook policy report pdf'.split(' '));
const PLURALS = new Map([...NOUNS].map((noun) => [noun === 'policy' ? 'policies' : `${noun}s`, noun]));
const DETERMINERS = new Set('the our my your this that these those'.split(' '));
/** Before a document that is looked in; "to" after "according", "about" after "what" or "how" alone. */
const PREPOSITIONS = new Set('in from per see within inside of under does do did'.split(' '));
const SAYING = new Set('say says state states tell tells'.split(' '));
/** A name does not go across these. */
const BREAKS = new Set(
  'a an and or but is are was were be to for with on at by as if when which what who how why not can must should will have has i you we they he she it its'.split(
    ' ',
  ),
);
const ELSEWHERE = new Set('other others another all any every each different remaining'.split(' '));
const ANYWHERE = /\b(?:elsewhere|anywhere|everywhere)\b/iu;
/** They point at a document that was named before. */
const POINTING = new Set('same said above mentioned very entire whole full'.split(' '));
const MAX_NAME_WORDS = 8;

const WORD = /[\p{L}\p{N}](?:[\p{L}\p{N}._'’-]*[\p{L}\p{N}])?/gu;
const ENDINGS = 'pdf|docx?|pptx?|xlsx?|csv|epub|html?|md|txt|srt|eml';
const FILE_NAME = new RegExp(`[\\p{L}\\p{N}][\\p{L}\\p{N}_.-]*\\.(?:${ENDINGS})\\b`, 'giu');
const NAMED = [...NOUNS, 'page'].join('|');
const ABOUT_DOCUMENT = new RegExp(
  [
    `\\b(?:in|from|per|see|within|inside|according to|does|of)\\s+(?:the\\s+|our\\s+)?(?:${NAMED})\\b`,
    `\\b(?:${NAMED})\\s+(?:says?|states?|called|named|titled|about)\\b`,
    `\\b(?:in|from|per|see|within|inside|according to)\\s+(?:the\\s+|our\\s+)?["“„«'‘]`,
    `\\baccording to\\b`,
    `\\w\\.(?:${ENDINGS})\\b`,
  ].join('|'),
  'iu',
);
const QUOTED = new RegExp(
  `\\b(?:in|from|per|see|within|inside|of|about|according to|called|named|titled)\\s+(?:the\\s+|our\\s+)?(?:(?:${[...NOUNS].join('|')})\\s+)?["“„«'‘]([^"”“»’']{2,150})["”“»’']`,
  'giu',
);

/** Words, lower case, with single spaces between; punctuation does not count. */
export const squashWords = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();

interface Token {
  readonly word: string;
  readonly start: number;
  readonly end: number;
  /** Punctuation parts it from the word before. */
  readonly isApart: boolean;
}

function listTokens(question: string): Token[] {
  let last = 0;
  return [...question.matchAll(WORD)].map((match) => {
    const between = question.slice(last, match.index);
    last = match.index + match[0].length;
    return { word: match[0].toLowerCase(), start: match.index, end: last, isApart: /[^\s]/u.test(between) };
  });
}

function isPreposition(tokens: readonly Token[], index: number): boolean {
  const word = tokens[index]?.word ?? '';
  const before = tokens[index - 1]?.word ?? '';
  if (word === 'to') return before === 'according';
  if (word === 'about') return before === 'what' || before === 'how';
  return PREPOSITIONS.has(word);
}

/** The words between preposition and noun; null where the noun is not looked in. */
function readName(tokens: readonly Token[], nounIndex: number): Token[] | null {
  const name: Token[] = [];
  for (let index = nounIndex - 1; index >= 0 && name.length <= MAX_NAME_WORDS; index -= 1) {
    const token = tokens[index];
    if (!token || tokens[index + 1]?.isApart) return null;
    if (isPreposition(tokens, index)) return name;
    if (DETERMINERS.has(token.word)) {
      const isSubject = index === 0 && SAYING.has(tokens[nounIndex + 1]?.word ?? '');
      return isSubject || (!token.isApart && isPreposition(tokens, index - 1)) ? name : null;
    }
    if (BREAKS.has(token.word)) return null;
    name.unshift(token);
  }
  return null;
}

/** @param question any text; only English grammar is understood */
export function findDocumentMention(question: string): DocumentMention {
  const tokens = listTokens(question);
  const phrases: DocumentPhrase[] = [];
  let isElsewhere = ANYWHERE.test(question);
  let isPointing = false;
  for (const match of [...question.matchAll(QUOTED), ...question.matchAll(FILE_NAME)]) {
    const words = squashWords(match[1] ?? match[0]).split(' ');
    phrases.push({ words, noun: null, start: match.index, end: match.index + match[0].length });
  }
  for (const [index, token] of tokens.entries()) {
    const noun = NOUNS.has(token.word) ? token.word : PLURALS.get(token.word);
    if (noun === undefined) continue;
    const name = readName(tokens, index);
    if (name === null) continue;
    if (name.some(({ word }) => ELSEWHERE.has(word))) {
      isElsewhere = true;
      continue;
    }
    const own = name.filter(({ word }) => !POINTING.has(word));
    const first = own[0];
    isPointing ||= !first;
    if (!first) continue;
    const words = own.flatMap(({ word }) => squashWords(word).split(' '));
    phrases.push({ words, noun, start: first.start, end: token.end });
  }
  return {
    isAboutDocument: ABOUT_DOCUMENT.test(question),
    phrases,
    isElsewhere,
    isPointing: isPointing && phrases.length === 0,
  };
}

/**
 * Whether a document is what a phrase calls it. One common word names it only right before its kind: "the company policy" is not
 * "Company car policy", while "the K40 manual" is "K40 centrifuge, operating manual".
 */
export function isNamedBy(phrase: DocumentPhrase, names: readonly string[]): boolean {
  const known = names.map((name) => ` ${squashWords(name)} `);
  const isDistinct = phrase.noun === null || phrase.words.length > 1 || /\p{N}/u.test(phrase.words.join(''));
  if (!isDistinct) return known.some((name) => name.includes(` ${phrase.words.join(' ')} ${phrase.noun} `));
  return phrase.words.every((word) => known.some((name) => name.includes(` ${word} `)));
}
