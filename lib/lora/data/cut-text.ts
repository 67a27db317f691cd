/** A stretch of plain text. */
export interface TextPiece {
  /** Where it begins in the file, from 1. */
  readonly line: number;
  readonly text: string;
}

/** A piece that is not cut further, and what joins it to the one before. */
interface Unit extends TextPiece {
  readonly glue: string;
  readonly tokenCount: number;
}

/** A paragraph without an end is cut here, so that memory stays bounded. */
const MAX_PARAGRAPH_CHARACTERS = 1_000_000;

const sentences = new Intl.Segmenter('und', { granularity: 'sentence' });

/** Paragraphs: lines up to the next blank one. */
async function* joinParagraphs(lines: AsyncIterable<TextPiece>): AsyncGenerator<TextPiece> {
  let paragraph: { readonly line: number; readonly lines: string[]; length: number } | null = null;
  for await (const { line, text } of lines) {
    if (text.trim() !== '') {
      paragraph ??= { line, lines: [], length: 0 };
      paragraph.lines.push(text);
      paragraph.length += text.length;
    }
    if (paragraph && (text.trim() === '' || paragraph.length > MAX_PARAGRAPH_CHARACTERS)) {
      yield { line: paragraph.line, text: paragraph.lines.join('\n') };
      paragraph = null;
    }
  }
  if (paragraph) yield { line: paragraph.line, text: paragraph.lines.join('\n') };
}

/** Two parts, cut between the words nearest to the middle; one where there is but one word. */
function halve(text: string): string[] {
  const firstWord = text.search(/\S/);
  let nearest = 0;
  for (const { index } of text.matchAll(/\s(?=\S)/g)) {
    if (index <= firstWord) continue;
    if (nearest === 0 || Math.abs(index - text.length / 2) < Math.abs(nearest - text.length / 2)) nearest = index;
    else break;
  }
  return nearest === 0 ? [text] : [text.slice(0, nearest), text.slice(nearest)];
}

/** From coarse to fine. The glue of the first part is that of the whole. */
const cuts: readonly { readonly glue: string; readonly cut: (text: string) => string[] }[] = [
  { glue: '\n', cut: (text) => text.split('\n') },
  { glue: '', cut: (text) => [...sentences.segment(text)].map(({ segment }) => segment) },
  { glue: '', cut: halve },
];

/** The text whole, or where it has too many tokens its lines, the sentences of a line, the halves of a sentence, and so on. */
function* split(unit: Unit, maxTokens: number, countTokens: (text: string) => number, level = 0): Generator<Unit> {
  const finest = cuts.length - 1;
  const { glue, cut } = cuts[Math.min(level, finest)] ?? { glue: '', cut: halve };
  const parts = unit.tokenCount <= maxTokens ? [] : cut(unit.text);
  if (parts.length === 0 || (parts.length === 1 && level >= finest)) {
    yield unit;
    return;
  }
  for (const [i, text] of parts.entries()) {
    const part = {
      line: unit.line + (glue === '\n' ? i : 0),
      text,
      glue: i === 0 ? unit.glue : glue,
      tokenCount: countTokens(text),
    };
    yield* split(part, maxTokens, countTokens, level + 1);
  }
}

function joinUnits(units: readonly Unit[]): string {
  return units.map(({ glue, text }, i) => (i === 0 ? text : glue + text)).join('');
}

/**
 * Cut plain text into pieces that fill a sequence as far as paragraphs allow; a paragraph that is too long alone is cut
 * between lines, a line between sentences, a sentence between words.
 * @param lines in order; blank ones end a paragraph
 * @param countTokens of a text as a sequence of its own
 * @returns pieces of at most `maxTokens`; a word of more comes alone, and is the caller's to refuse
 */
export async function* cutText(
  lines: AsyncIterable<TextPiece>,
  maxTokens: number,
  countTokens: (text: string) => number,
): AsyncGenerator<TextPiece> {
  let units: Unit[] = [];
  let total = 0;
  /** The units' own counts are an estimate of the joined text's: what does not fit in the end waits for the next piece. */
  const takePiece = (): TextPiece => {
    let count = units.length;
    while (count > 1 && countTokens(joinUnits(units.slice(0, count))) > maxTokens) count--;
    const piece = { line: units[0]?.line ?? 0, text: joinUnits(units.slice(0, count)) };
    units = units.slice(count);
    total = units.reduce((sum, unit) => sum + unit.tokenCount, 0);
    return piece;
  };
  for await (const paragraph of joinParagraphs(lines)) {
    const whole = { ...paragraph, glue: '\n\n', tokenCount: countTokens(paragraph.text) };
    for (const unit of split(whole, maxTokens, countTokens)) {
      while (units.length > 0 && total + unit.tokenCount > maxTokens) yield takePiece();
      units.push(unit);
      total += unit.tokenCount;
    }
  }
  while (units.length > 0) yield takePiece();
}
