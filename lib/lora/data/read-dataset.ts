import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '#lib/domain/errors.ts';
import { cutText, type TextPiece } from './cut-text.ts';
import { readChatRow } from './read-chat-row.ts';
import { type Line, readLines } from './read-lines.ts';
import type { BaseTokenizer, TokenizedText } from './tokenizer.ts';

export interface TrainingExample {
  /** Where the example begins in the file, from 1. */
  readonly line: number;
  readonly tokens: Int32Array;
  /** 1 where a token is to be predicted; never at the first, which nothing precedes. */
  readonly isLearned: Uint8Array;
}

/** A row that is left out of the training. `reason` continues a sentence that begins with the row. */
export interface RowProblem {
  readonly line: number;
  readonly reason: string;
  readonly kind: 'malformed' | 'empty' | 'too-long' | 'nothing-to-learn';
}

export interface TokenizedDataset {
  readonly examples: readonly TrainingExample[];
  /** In the order of the file. */
  readonly problems: readonly RowProblem[];
  /** Examples and problems together. A row is a line of a chat file, and a piece of up to a sequence of a text. */
  readonly rowCount: number;
  /** Of the file's bytes, hex. */
  readonly sha256: string;
}

export interface DatasetOptions {
  /** Longest example, in tokens. */
  readonly sequenceTokens: number;
  /** False: every token but the first is learned. */
  readonly isLossOnAssistantOnly: boolean;
}

type Row = TrainingExample | RowProblem;
type Format = 'chat' | 'text';

const formats: Readonly<Record<string, Format>> = {
  '.jsonl': 'chat',
  '.ndjson': 'chat',
  '.txt': 'text',
  '.md': 'text',
  '.markdown': 'text',
};
/** Several times the longest sequence that can be configured. */
const MAX_LINE_BYTES = 4 * 1024 * 1024;
/** Reasons that an error names. */
const REASONS_SHOWN = 3;
const PEEKED_BYTES = 4096;

/** By extension; a file of another one is a chat file when it begins like a JSON object. */
async function detectFormat(file: string): Promise<Format> {
  const extension = path.extname(file).toLowerCase();
  const known = formats[extension];
  if (known) return known;
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(PEEKED_BYTES), 0, PEEKED_BYTES, 0);
    if (/^\uFEFF?\s*\{/.test(buffer.subarray(0, bytesRead).toString('utf8'))) return 'chat';
  } finally {
    await handle.close();
  }
  throw new AppError({
    code: 'dataset.format-unknown',
    message: `${file} has the extension "${extension}" and does not begin with a JSON object; expected ${Object.keys(formats).join(', ')}`,
  });
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/** @returns the text of a line without a byte-order mark, or what is wrong with it */
function decodeLine({ number, bytes }: Line): TextPiece | RowProblem {
  if (bytes === null)
    return { line: number, kind: 'too-long', reason: `is longer than ${MAX_LINE_BYTES / 2 ** 20} MiB` };
  try {
    return { line: number, text: decoder.decode(bytes) };
  } catch {
    return { line: number, kind: 'malformed', reason: 'is no valid UTF-8' };
  }
}

function checkExample(
  line: number,
  { tokens, isLearned }: TokenizedText,
  options: Pick<DatasetOptions, 'sequenceTokens'>,
): Row {
  if (tokens.length > options.sequenceTokens)
    return {
      line,
      kind: 'too-long',
      reason: `has ${tokens.length} tokens; a sequence holds ${options.sequenceTokens} (sequenceTokens)`,
    };
  isLearned.fill(0, 0, 1);
  return isLearned.includes(1)
    ? { line, tokens, isLearned }
    : { line, kind: 'nothing-to-learn', reason: 'has no token to learn: no assistant message' };
}

function tokenizeChatLine({ line, text }: TextPiece, tokenizer: BaseTokenizer, options: DatasetOptions): Row {
  const row = readChatRow(text);
  switch (row.kind) {
    case 'text':
      return checkExample(line, tokenizer.tokenizeText(row.text), options);
    case 'conversation':
      try {
        const { tokens, isLearned } = tokenizer.tokenizeConversation(row.messages);
        const learned = options.isLossOnAssistantOnly ? isLearned : new Uint8Array(tokens.length).fill(1);
        return checkExample(line, { tokens, isLearned: learned }, options);
      } catch (error) {
        if (!AppError.isInstance(error) || error.code !== 'input.invalid') throw error;
        return { line, kind: 'malformed', reason: error.message };
      }
    case 'malformed':
    case 'empty':
      return { line, ...row };
  }
}

async function* readChat(
  lines: AsyncIterable<Line>,
  tokenizer: BaseTokenizer,
  options: DatasetOptions,
): AsyncGenerator<Row> {
  for await (const line of lines) {
    const decoded = decodeLine(line);
    yield 'text' in decoded ? tokenizeChatLine(decoded, tokenizer, options) : decoded;
  }
}

async function* readText(
  lines: AsyncIterable<Line>,
  tokenizer: BaseTokenizer,
  options: DatasetOptions,
): AsyncGenerator<Row> {
  const problems: RowProblem[] = [];
  async function* decodeLines(): AsyncGenerator<TextPiece> {
    for await (const line of lines) {
      const decoded = decodeLine(line);
      if ('text' in decoded) yield decoded;
      else {
        problems.push(decoded);
        // What stood before and after it does not belong together.
        yield { line: decoded.line, text: '' };
      }
    }
  }
  const countTokens = (text: string) => tokenizer.tokenizeText(text).tokens.length;
  for await (const { line, text } of cutText(decodeLines(), options.sequenceTokens, countTokens))
    yield checkExample(line, tokenizer.tokenizeText(text), options);
  yield* problems;
}

function emptyDataset(file: string, problems: readonly RowProblem[]): AppError {
  const counts: Record<string, number> = {};
  for (const { kind } of problems) counts[kind] = (counts[kind] ?? 0) + 1;
  const reasons = problems.slice(0, REASONS_SHOWN).map(({ line, reason }) => `line ${line} ${reason}`);
  const tally = Object.entries(counts).map(([kind, count]) => `${count} ${kind}`);
  return new AppError({
    code: 'dataset.empty',
    message:
      problems.length === 0
        ? `${file} has no rows`
        : `${file} has no row to train on: ${tally.join(', ')} of ${problems.length}; ${reasons.join('; ')}`,
    details: { rowCount: problems.length, ...counts, reasons },
  });
}

/**
 * Read and tokenise a data set: chat JSONL (`{"messages": […]}` as OpenAI writes it, or `{"text": "…"}`, a row a line) or
 * plain text (`.txt`, `.md`: pieces of whole paragraphs up to a sequence). The file is streamed. A row that cannot be used is
 * reported and left out.
 * @throws AppError `dataset.empty` when no row can be used, `dataset.unreadable`, `dataset.format-unknown`
 */
export async function readDataset(
  file: string,
  tokenizer: BaseTokenizer,
  options: DatasetOptions,
): Promise<TokenizedDataset> {
  const hash = createHash('sha256');
  const examples: TrainingExample[] = [];
  const problems: RowProblem[] = [];
  try {
    const format = await detectFormat(file);
    const lines = readLines(file, MAX_LINE_BYTES, (bytes) => hash.update(bytes));
    const rows = format === 'chat' ? readChat(lines, tokenizer, options) : readText(lines, tokenizer, options);
    for await (const row of rows) {
      if ('reason' in row) problems.push(row);
      else examples.push(row);
    }
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    throw new AppError({
      code: 'dataset.unreadable',
      message: `the data set ${file} could not be read: ${error.message}`,
      cause: error,
    });
  }
  if (examples.length === 0) throw emptyDataset(file, problems);
  problems.sort((a, b) => a.line - b.line);
  return { examples, problems, rowCount: examples.length + problems.length, sha256: hash.digest('hex') };
}
