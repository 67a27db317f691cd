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

/** A paragraph, or its lines where it has too many tokens, or the sentences of a line that has too many. */
function splitParagraph(paragraph: TextPiece, maxTokens: number, countTokens: (text: string) => number): Unit[] {
  const split = (unit: Unit, parts: readonly Omit<Unit, 'tokenCount'>[]): Unit[] =>
    unit.tokenCount <= maxTokens ? [unit] : parts.map((part) => ({ ...part, tokenCount: countTokens(part.text) }));
  const { line, text } = paragraph;
  const whole = { line, text, glue: '\n\n', tokenCount: countTokens(text) };
  const ofLines = text.split('\n').map((part, i) => ({ line: line + i, text: part, glue: i === 0 ? '\n\n' : '\n' }));
  return split(whole, ofLines).flatMap((unit) =>
    split(
      unit,
      [...sentences.segment(unit.text)].map(({ segment }, i) => ({
        line: unit.line,
        text: segment,
        glue: i === 0 ? unit.glue : '',
      })),
    ),
  );
}

function joinUnits(units: readonly Unit[]): string {
  return units.map(({ glue, text }, i) => (i === 0 ? text : glue + text)).join('');
}

/**
 * Cut plain text into pieces that fill a sequence as far as paragraphs allow; a paragraph that is too long alone is cut
 * between lines, a line between sentences.
 * @param lines in order; blank ones end a paragraph
 * @param countTokens of a text as a sequence of its own
 * @returns pieces of at most `maxTokens`; a sentence of more comes alone, and is the caller's to refuse
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
    for (const unit of splitParagraph(paragraph, maxTokens, countTokens)) {
      while (units.length > 0 && total + unit.tokenCount > maxTokens) yield takePiece();
      units.push(unit);
      total += unit.tokenCount;
    }
  }
  while (units.length > 0) yield takePiece();
}
