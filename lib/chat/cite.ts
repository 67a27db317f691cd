import type { Citation, Source } from '#lib/domain/chat.ts';
import { canonicaliseNumber, type Fact, FactIndex, findFacts } from './facts.ts';
import { findSentences, findWords, isContentWord, type Span, stemWord, type Word } from './words.ts';

/**
 * Ties an answer to the words of its passages. The model's own markers are believed only where the passage bears them out;
 * what the model left unmarked is matched here. Every quote is an exact slice of its source.
 */

/** Share of a sentence's content words that a passage must hold. Below it, wording agrees by accident too often. */
const MIN_COVERAGE = 0.6;
/** A marker that the model wrote is evidence too, so less agreement suffices. */
const MIN_COVERAGE_MARKED = 0.4;
/** This many words in a row, in order, are a copy whatever the rest says. */
const MIN_RUN_WORDS = 6;
/** Longest quote shown, in characters; longer sentences are cut to the words that matched. */
const MAX_QUOTE_CHARACTERS = 400;
/** Words of a sentence that are compared; longer ones are tables, and comparing takes the product of both lengths. */
const MAX_SENTENCE_WORDS = 200;
/** Sources cited for one sentence. */
const MAX_CITATIONS_PER_SENTENCE = 2;

export interface CitedAnswer {
  /** Without the markers. */
  readonly text: string;
  readonly citations: readonly Citation[];
}

interface Marker {
  /** Position in the text without markers. */
  readonly position: number;
  readonly numbers: readonly number[];
}

/** `[1]`, `[1, 3]`, `[2][3]`, `[source 1]`, `【1】`, with the blanks before. Footnote-like words in brackets stay. */
const MARKER = /(?<![ \t])[ \t]*(?:\[|【)\s*(?:(?:source|passage)s?\s*)?(\d{1,2}(?:\s*[,;&]\s*\d{1,2})*)\s*(?:\]|】)/gi;

/** Remove markers and remember where they stood. */
export function stripMarkers(text: string): { readonly text: string; readonly markers: readonly Marker[] } {
  const markers: Marker[] = [];
  let stripped = '';
  let last = 0;
  for (const match of text.matchAll(MARKER)) {
    stripped += text.slice(last, match.index);
    last = match.index + match[0].length;
    markers.push({ position: stripped.length, numbers: (match[1] ?? '').split(/\D+/).map(Number) });
  }
  return { text: stripped + text.slice(last), markers };
}

interface Passage {
  readonly source: Source;
  readonly sentences: readonly (Span & { readonly words: readonly Word[]; readonly stems: ReadonlySet<string> })[];
  readonly words: readonly Word[];
}

/** A fact counts as one word, in its canonical form, so that `1250 watts` agrees with `1,250 W`. */
const toFactStem = (fact: Fact) => `#${fact.key}`;

/** Stems that carry the content of a piece of answer, without repetition. */
function listContent(answerFacts: readonly Fact[], sentence: Span, words: readonly Word[]): string[] {
  const facts = answerFacts.filter((fact) => fact.start >= sentence.start && fact.end <= sentence.end);
  const plain = words
    .filter((word) => isContentWord(word.key) && !facts.some((fact) => word.start < fact.end && word.end > fact.start))
    .map((word) => stemWord(word.key));
  return [...new Set([...plain, ...facts.map(toFactStem)])];
}

function readPassage(source: Source): Passage {
  const words = findWords(source.text);
  const facts = findFacts(source.text);
  const sentences = findSentences(source.text).map((span) => {
    const inside = words.filter((word) => word.start >= span.start && word.end <= span.end);
    const factsInside = facts.filter((fact) => fact.start >= span.start && fact.end <= span.end);
    const stems = new Set([...inside.map((word) => stemWord(word.key)), ...factsInside.map(toFactStem)]);
    for (const word of inside) if (/^\d+$/.test(word.key)) stems.add(`#${canonicaliseNumber(word.key)}`);
    return { ...span, words: inside.slice(0, 2 * MAX_SENTENCE_WORDS), stems };
  });
  return { source, sentences, words };
}

/** Longest run of equal words: `[first, last]` indexes into `passage`, and its length. Quadratic, on sentences only. */
function findLongestRun(answer: readonly Word[], passage: readonly Word[]): { length: number; end: number } {
  let best = { length: 0, end: 0 };
  let previous = new Uint16Array(passage.length + 1);
  for (const word of answer) {
    const row = new Uint16Array(passage.length + 1);
    for (let j = 1; j <= passage.length; j += 1) {
      if (passage[j - 1]?.key !== word.key) continue;
      const length = (previous[j - 1] ?? 0) + 1;
      row[j] = length;
      if (length > best.length) best = { length, end: j - 1 };
    }
    previous = row;
  }
  return best;
}

interface Candidate {
  readonly passage: Passage;
  readonly quote: Span;
  readonly coverage: number;
  readonly runLength: number;
  readonly covered: ReadonlySet<string>;
  readonly score: number;
}

/** Word weights: words that stand in few passages of this answer tell passages apart. */
function weighWords(passages: readonly Passage[]): (stem: string) => number {
  const sentences = passages.flatMap((passage) => passage.sentences);
  const frequency = new Map<string, number>();
  for (const sentence of sentences)
    for (const stem of sentence.stems) frequency.set(stem, (frequency.get(stem) ?? 0) + 1);
  return (stem) => Math.log(1 + (sentences.length + 1) / ((frequency.get(stem) ?? 0) + 0.5));
}

function cutQuote(quote: Span, text: string, words: readonly Word[], run: { length: number; end: number }): Span {
  if (quote.end - quote.start <= MAX_QUOTE_CHARACTERS) return quote;
  const first = words[run.end - run.length + 1];
  const last = words[run.end];
  if (first === undefined || last === undefined) return quote;
  const room = Math.max(0, MAX_QUOTE_CHARACTERS - (last.end - first.start));
  let start = Math.max(quote.start, first.start - Math.floor(room / 2));
  let end = Math.min(quote.end, last.end + Math.ceil(room / 2));
  while (start > quote.start && start < first.start && /\S/.test(text[start - 1] ?? ' ')) start += 1;
  while (end < quote.end && end > last.end && /\S/.test(text[end] ?? ' ')) end -= 1;
  while (start < end && /\s/.test(text[start] ?? '')) start += 1;
  while (end > start && /\s/.test(text[end - 1] ?? '')) end -= 1;
  return { start, end };
}

interface Scale {
  readonly weigh: (stem: string) => number;
  readonly questionStems: ReadonlySet<string>;
}

/** The best one or two neighbouring sentences of a passage for a sentence of the answer. */
function matchPassage(
  words: readonly Word[],
  content: readonly string[],
  passage: Passage,
  scale: Scale,
): Candidate | null {
  const total = content.reduce((sum, stem) => sum + scale.weigh(stem), 0);
  if (total === 0) return null;
  let best: Candidate | null = null;
  const { sentences, source } = passage;
  for (const [index, sentence] of sentences.entries()) {
    const windows = [{ span: sentence, words: sentence.words, stems: sentence.stems, penalty: 0 }];
    const next = sentences[index + 1];
    const countHeld = (stems: ReadonlySet<string>) => content.filter((stem) => stems.has(stem)).length;
    const joined = next === undefined ? sentence.stems : new Set([...sentence.stems, ...next.stems]);
    // Two sentences are quoted only for words of the answer that neither holds alone.
    if (next !== undefined && countHeld(joined) > Math.max(countHeld(sentence.stems), countHeld(next.stems))) {
      windows.push({
        span: { ...sentence, end: next.end },
        words: [...sentence.words, ...next.words],
        stems: joined,
        penalty: 0.12,
      });
    }
    for (const window of windows) {
      const covered = new Set(content.filter((stem) => window.stems.has(stem)));
      if (covered.size === 0) continue;
      const coverage = [...covered].reduce((sum, stem) => sum + scale.weigh(stem), 0) / total;
      const run = findLongestRun(words, window.words);
      // Short answers (`45 Nm`) stand in several sentences: the one that speaks of the question wins.
      const asked = [...scale.questionStems].filter((stem) => window.stems.has(stem)).length;
      const score =
        coverage +
        (0.5 * run.length) / words.length +
        (scale.questionStems.size === 0 ? 0 : (0.3 * asked) / scale.questionStems.size) -
        window.penalty;
      if (best !== null && score <= best.score) continue;
      const quote = cutQuote({ start: window.span.start, end: window.span.end }, source.text, window.words, run);
      best = { passage, quote, coverage, runLength: run.length, covered, score };
    }
  }
  return best;
}

/** Numbers, codes and dates of the sentence must stand in what is cited: agreement of the other words proves nothing about them. */
function holdsFacts(sentence: string, texts: readonly string[]): boolean {
  const facts = findFacts(sentence);
  if (facts.length === 0) return true;
  const index = new FactIndex(texts);
  return facts.every((fact) => index.has(fact));
}

function isSupported(candidate: Candidate, words: readonly Word[], minCoverage: number): boolean {
  if (candidate.runLength >= MIN_RUN_WORDS) return true;
  // One or two words are cited only when they stand there in this order.
  if (words.length <= 2) return candidate.runLength === words.length;
  return candidate.coverage >= minCoverage && (candidate.covered.size >= 2 || candidate.runLength >= 2);
}

function describeSupport(source: Source): string {
  return [source.documentTitle, ...source.headings, source.text].join('\n');
}

function toCitation(answer: Span, candidate: Candidate, origin: Citation['origin']): Citation {
  const { source } = candidate.passage;
  return {
    sourceNumber: source.number,
    answerStart: answer.start,
    answerEnd: answer.end,
    quoteStart: candidate.quote.start,
    quoteEnd: candidate.quote.end,
    quote: source.text.slice(candidate.quote.start, candidate.quote.end),
    origin,
  };
}

/**
 * Cite an answer. Markers of the model are removed from the text; those that the named passage bears out become citations
 * with origin `model`, sentences without one are attributed by wording with origin `attributed`.
 * @param rawText as the model wrote it; any text is accepted, the empty one included
 * @param question helps to choose between passages that hold the same short answer
 */
export function citeAnswer(rawText: string, sources: readonly Source[], question: string): CitedAnswer {
  const { text, markers } = stripMarkers(rawText);
  const passages = sources.map(readPassage);
  const scale: Scale = {
    weigh: weighWords(passages),
    questionStems: new Set(
      findWords(question)
        .filter((word) => isContentWord(word.key))
        .map((word) => stemWord(word.key)),
    ),
  };
  const citations: Citation[] = [];
  const answerSentences = findSentences(text);
  const answerFacts = findFacts(text);
  for (const [index, sentence] of answerSentences.entries()) {
    const words = findWords(text, sentence).slice(0, MAX_SENTENCE_WORDS);
    const nextStart = answerSentences[index + 1]?.start ?? text.length;
    const isLast = index === answerSentences.length - 1;
    const marked = new Set(
      markers
        .filter((marker) => marker.position >= sentence.start && (isLast || marker.position < nextStart))
        .filter((marker) => marker.position > sentence.start)
        .flatMap((marker) => marker.numbers),
    );
    const sentenceText = text.slice(sentence.start, sentence.end);
    const content = listContent(answerFacts, sentence, words);
    const candidates = passages
      .map((passage) => matchPassage(words, content, passage, scale))
      .filter((candidate) => candidate !== null)
      .sort((a, b) => b.score - a.score);
    const chosen: Citation[] = [];
    for (const candidate of candidates) {
      if (!marked.has(candidate.passage.source.number)) continue;
      if (!isSupported(candidate, words, MIN_COVERAGE_MARKED)) continue;
      if (!holdsFacts(sentenceText, [describeSupport(candidate.passage.source)])) continue;
      chosen.push(toCitation(sentence, candidate, 'model'));
    }
    if (chosen.length === 0) {
      const single = candidates.find(
        (candidate) =>
          isSupported(candidate, words, MIN_COVERAGE) &&
          holdsFacts(sentenceText, [describeSupport(candidate.passage.source)]),
      );
      if (single !== undefined) chosen.push(toCitation(sentence, single, 'attributed'));
      else chosen.push(...attributeTogether(sentence, sentenceText, content, candidates));
    }
    citations.push(...chosen.slice(0, MAX_CITATIONS_PER_SENTENCE));
  }
  return { text, citations };
}

/** A sentence that joins two passages: both are cited when together they hold its words and facts. */
function attributeTogether(
  sentence: Span,
  sentenceText: string,
  content: readonly string[],
  candidates: readonly Candidate[],
): Citation[] {
  const [first] = candidates;
  if (first === undefined || content.length < 4 || first.covered.size < 2) return [];
  for (const second of candidates.slice(1)) {
    const added = [...second.covered].filter((stem) => !first.covered.has(stem));
    const union = first.covered.size + added.length;
    if (added.length < 2 || union / content.length < MIN_COVERAGE) continue;
    if (!holdsFacts(sentenceText, [describeSupport(first.passage.source), describeSupport(second.passage.source)]))
      continue;
    return [toCitation(sentence, first, 'attributed'), toCitation(sentence, second, 'attributed')];
  }
  return [];
}

/** A piece of text cited as it stands: for answers by extraction and for quotes under an answer. */
export function citeVerbatim(source: Source, quote: Span, answerStart: number): Citation {
  return {
    sourceNumber: source.number,
    answerStart,
    answerEnd: answerStart + (quote.end - quote.start),
    quoteStart: quote.start,
    quoteEnd: quote.end,
    quote: source.text.slice(quote.start, quote.end),
    origin: 'attributed',
  };
}
