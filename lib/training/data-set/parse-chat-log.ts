import { open as openFile } from 'node:fs/promises';
import { csvParseRows, dsvFormat } from 'd3-dsv';
import { z } from 'zod';
import type { RowMessage } from '#db/schema/data-sets.ts';
import { AppError } from '#lib/domain/errors.ts';
import { readChatValue } from '#lib/lora/data/read-chat-row.ts';
import { readLines } from '#lib/lora/data/read-lines.ts';
import { normaliseTurns } from './row-content.ts';
import { type ColumnMapping, detectDelimiter } from './table-columns.ts';

export const chatLogFormats = ['jsonl', 'json', 'csv', 'transcript'] as const;
export type ChatLogFormat = (typeof chatLogFormats)[number];

/** A conversation of the file, or why a part of it is none. */
export type LogEntry =
  | {
      readonly kind: 'row';
      readonly line: number;
      /** Last line that belongs to it: where reading may go on. */
      readonly endLine: number;
      readonly messages: readonly RowMessage[];
      readonly intent: string;
    }
  | {
      readonly kind: 'malformed' | 'empty';
      readonly line: number;
      readonly endLine: number;
      readonly reason: string;
    };

/** One conversation with all its documents pasted in fits many times over. */
const MAX_LINE_BYTES = 1024 * 1024;
/** A list has to be parsed as a whole. */
const MAX_JSON_BYTES = 64 * 1024 * 1024;
/** A quotation mark that is never closed swallows this many lines at most. */
const MAX_RECORD_LINES = 1000;
const PEEKED_BYTES = 64 * 1024;
const MAX_INTENT_CHARACTERS = 80;

const decoder = new TextDecoder('utf-8', { fatal: true });

interface TextLine {
  readonly number: number;
  readonly text: string;
}

type Problem = Extract<LogEntry, { kind: 'malformed' | 'empty' }>;

const malformed = (line: number, reason: string, endLine = line): Problem => ({
  kind: 'malformed',
  line,
  endLine,
  reason,
});

async function* readTextLines(file: string): AsyncGenerator<TextLine | Problem> {
  for await (const { number, bytes } of readLines(file, MAX_LINE_BYTES, () => undefined)) {
    if (bytes === null) {
      yield malformed(number, `is longer than ${MAX_LINE_BYTES / 2 ** 20} MiB`);
      continue;
    }
    let text: string;
    try {
      text = decoder.decode(bytes);
    } catch {
      yield malformed(number, 'is no valid UTF-8');
      continue;
    }
    yield { number, text };
  }
}

const isProblem = (line: TextLine | Problem): line is Problem => 'kind' in line;

function makeEntry(line: number, endLine: number, messages: readonly RowMessage[], intent: string): LogEntry {
  const turns = normaliseTurns(messages);
  if (turns === null) return { kind: 'empty', line, endLine, reason: 'has no answer to learn from' };
  return { kind: 'row', line, endLine, messages: turns, intent: intent.trim().slice(0, MAX_INTENT_CHARACTERS) };
}

const sharedSpeakers: Readonly<Record<string, RowMessage['role']>> = {
  human: 'user',
  user: 'user',
  gpt: 'assistant',
  chatgpt: 'assistant',
  bing: 'assistant',
  bard: 'assistant',
  assistant: 'assistant',
  model: 'assistant',
  system: 'system',
};
/** ShareGPT: `{"conversations": [{"from": "human", "value": "…"}, …]}`. */
const sharedSchema = z.object({
  conversations: z.array(z.object({ from: z.string(), value: z.string() })),
});

/** ShareGPT's shape as OpenAI's; anything else as it is. */
function toOpenAi(row: unknown): unknown {
  const shared = sharedSchema.safeParse(row);
  if (!shared.success) return row;
  return {
    messages: shared.data.conversations.map(({ from, value }) => ({
      role: sharedSpeakers[from.toLowerCase()] ?? from,
      content: value,
    })),
  };
}

const labelledSchema = z.object({ intent: z.string().optional(), category: z.string().optional() });

function readConversation(line: number, value: unknown): LogEntry {
  const row = readChatValue(toOpenAi(value));
  switch (row.kind) {
    case 'conversation': {
      const labels = labelledSchema.safeParse(value).data;
      return makeEntry(line, line, row.messages, labels?.intent ?? labels?.category ?? '');
    }
    case 'text':
      return malformed(line, 'holds plain text; a data set holds conversations');
    case 'malformed':
    case 'empty':
      return { ...row, line, endLine: line };
  }
}

async function* parseJsonLines(file: string): AsyncGenerator<LogEntry> {
  for await (const line of readTextLines(file)) {
    if (isProblem(line)) yield line;
    else if (line.text.trim() === '')
      yield { kind: 'empty', line: line.number, endLine: line.number, reason: 'is a blank line' };
    else {
      let value: unknown;
      try {
        value = JSON.parse(line.text);
      } catch {
        yield malformed(line.number, 'is no valid JSON');
        continue;
      }
      yield readConversation(line.number, value);
    }
  }
}

/** A JSON list of conversations; their place in the list, from 1, stands for the line. */
async function* parseJsonList(file: string): AsyncGenerator<LogEntry> {
  const handle = await openFile(file, 'r');
  let text: string;
  try {
    const { size } = await handle.stat();
    if (size > MAX_JSON_BYTES) {
      throw unreadable(
        `a JSON list of ${size} bytes; expected at most ${MAX_JSON_BYTES}`,
        'This JSON list is larger than 64 MB. Write it as JSON lines, one conversation a line; that has no such limit.',
      );
    }
    text = (await handle.readFile('utf8')).replace(/^\uFEFF/, '');
  } finally {
    await handle.close();
  }
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (cause) {
    throw unreadable('the file is no valid JSON', 'This file begins like a JSON list but is no valid JSON.', cause);
  }
  const items = Array.isArray(list) ? list : [list];
  for (const [index, item] of items.entries()) yield readConversation(index + 1, item);
}

function unreadable(message: string, userMessage: string, cause?: unknown): AppError {
  return new AppError({ code: 'dataset.unreadable', message, userMessage, ...(cause === undefined ? {} : { cause }) });
}

interface TableRecord {
  readonly line: number;
  readonly endLine: number;
  readonly fields: readonly string[];
}

const countQuotes = (text: string) => text.split('"').length - 1;

/** Records of a table; a field in quotation marks may run over several lines. */
async function* readRecords(file: string): AsyncGenerator<TableRecord | Problem> {
  let parseRows: (text: string) => string[][] = csvParseRows;
  let isFirst = true;
  let open: TextLine[] = [];
  let quotes = 0;
  const finish = function* (): Generator<TableRecord | Problem> {
    const [first] = open;
    if (!first) return;
    const endLine = open.at(-1)?.number ?? first.number;
    if (quotes % 2 === 1) yield malformed(first.number, 'has a quotation mark that is never closed', endLine);
    else {
      const fields = parseRows(open.map(({ text }) => text).join('\n'))[0] ?? [];
      if (fields.some((field) => field.trim() !== '')) yield { line: first.number, endLine, fields };
    }
    open = [];
    quotes = 0;
  };
  for await (const line of readTextLines(file)) {
    if (isProblem(line)) {
      yield* finish();
      yield line;
      continue;
    }
    if (isFirst) {
      const table = dsvFormat(detectDelimiter(line.text));
      parseRows = (text) => table.parseRows(text);
      isFirst = false;
    }
    open.push(line);
    quotes += countQuotes(line.text);
    if (quotes % 2 === 0 || open.length >= MAX_RECORD_LINES) yield* finish();
  }
  yield* finish();
}

function findColumns(header: readonly string[], names: readonly string[]): Map<string, number> {
  const columns = new Map(names.map((name) => [name, header.indexOf(name)]));
  const missing = names.filter((name) => columns.get(name) === -1);
  if (missing.length > 0) {
    throw new AppError({
      code: 'dataset.columns-missing',
      message: `expected the columns ${names.join(', ')}; the file has ${header.join(', ')}`,
      userMessage: `The file has no column named ${missing.map((name) => `“${name}”`).join(' or ')}. Its columns: ${header.join(', ')}.`,
    });
  }
  return columns;
}

function readSpeaker(name: string, speakers: Speakers): RowMessage['role'] | null {
  const label = name.trim().toLowerCase();
  if (label === 'system') return 'system';
  if (speakers.person.includes(label)) return 'user';
  return speakers.assistant.includes(label) ? 'assistant' : null;
}

async function* parseTable(file: string, mapping: ColumnMapping, speakers: Speakers): AsyncGenerator<LogEntry> {
  let columns: Map<string, number> | undefined;
  let width = 0;
  let conversation: { key: string; line: number; endLine: number; messages: RowMessage[] } | undefined;
  const names =
    mapping.kind === 'exchanges'
      ? [mapping.question, mapping.answer, ...(mapping.intent === '' ? [] : [mapping.intent])]
      : [mapping.conversation, mapping.role, mapping.content];
  const finish = () => {
    const finished = conversation;
    conversation = undefined;
    return finished && makeEntry(finished.line, finished.endLine, finished.messages, '');
  };
  for await (const record of readRecords(file)) {
    if ('kind' in record) {
      yield record;
      continue;
    }
    if (columns === undefined) {
      const header = record.fields.map((name) => name.replace(/^\uFEFF/, '').trim());
      columns = findColumns(header, names);
      width = header.length;
      continue;
    }
    const { line, endLine, fields } = record;
    if (fields.length !== width) {
      yield malformed(line, `has ${fields.length} fields; the header names ${width}`, endLine);
      continue;
    }
    const known = columns;
    const read = (name: string) => fields[known.get(name) ?? -1] ?? '';
    if (mapping.kind === 'exchanges') {
      const [question, answer] = [read(mapping.question), read(mapping.answer)];
      if (question.trim() === '' || answer.trim() === '') {
        const blank = question.trim() === '' ? mapping.question : mapping.answer;
        yield { kind: 'empty', line, endLine, reason: `has nothing in “${blank}”` };
        continue;
      }
      const turns: RowMessage[] = [
        { role: 'user', content: question },
        { role: 'assistant', content: answer },
      ];
      yield makeEntry(line, endLine, turns, mapping.intent === '' ? '' : read(mapping.intent));
      continue;
    }
    const key = read(mapping.conversation);
    if (conversation !== undefined && conversation.key !== key) {
      const entry = finish();
      if (entry) yield entry;
    }
    const role = readSpeaker(read(mapping.role), speakers) ?? sharedSpeakers[read(mapping.role).trim().toLowerCase()];
    if (role === undefined) {
      yield malformed(line, `is said by “${read(mapping.role)}”; expected a person or the assistant`, endLine);
      continue;
    }
    conversation ??= { key, line, endLine, messages: [] };
    conversation.endLine = endLine;
    conversation.messages.push({ role, content: read(mapping.content) });
  }
  const entry = finish();
  if (entry) yield entry;
}

/** Names that speakers go by in transcripts, lower case. */
export interface Speakers {
  readonly person: readonly string[];
  readonly assistant: readonly string[];
}

export const defaultSpeakers: Speakers = {
  person: ['user', 'customer', 'client', 'caller', 'visitor', 'human', 'question', 'q', 'guest', 'member'],
  assistant: ['assistant', 'agent', 'support', 'advisor', 'operator', 'bot', 'answer', 'a', 'staff', 'representative'],
};

/** `[10:32] Customer: …`, `2026-03-01 10:32:05 - Agent: …` */
const SPOKEN =
  /^\s*(?:[[(]?[\d\-/.: ,TZapmAPM]{4,25}[\])]?\s*(?:[-–|]\s*)?)?([\p{L}][\p{L}\p{N} ._-]{0,40}?)\s*:\s*(.*)$/u;
/** A rule of signs, or a headline: the next conversation. */
const SEPARATOR = /^\s*(?:[-=*_~]{3,}|#{1,6}\s.*|(?:conversation|chat|ticket|case|call)\s+#?[\w-]+\s*:?)\s*$/i;

async function* parseTranscript(file: string, speakers: Speakers): AsyncGenerator<LogEntry> {
  let first = 0;
  let last = 0;
  let blank = 0;
  let hasStray = false;
  let messages: { role: RowMessage['role']; content: string }[] = [];
  const finish = function* (): Generator<LogEntry> {
    if (messages.length > 0) yield makeEntry(first, last, messages, '');
    else if (hasStray)
      yield malformed(first, 'begins with no speaker; expected “Customer:”, “Agent:” and the like', last);
    messages = [];
    hasStray = false;
    first = 0;
  };
  for await (const line of readTextLines(file)) {
    if (isProblem(line)) {
      yield* finish();
      yield line;
      continue;
    }
    if (line.text.trim() === '') {
      blank += 1;
      continue;
    }
    if (blank >= 2 || SEPARATOR.test(line.text)) yield* finish();
    const isAfterGap = blank > 0;
    blank = 0;
    if (SEPARATOR.test(line.text)) continue;
    if (first === 0) first = line.number;
    last = line.number;
    const [, name = '', said = ''] = SPOKEN.exec(line.text) ?? [];
    const role = name === '' ? null : readSpeaker(name, speakers);
    const open = messages.at(-1);
    if (role !== null) messages.push({ role, content: said });
    else if (open) open.content += `${isAfterGap ? '\n\n' : '\n'}${line.text.trim()}`;
    else hasStray = true;
  }
  yield* finish();
}

async function readHead(file: string): Promise<string> {
  const handle = await openFile(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(PEEKED_BYTES), 0, PEEKED_BYTES, 0);
    return buffer
      .subarray(0, bytesRead)
      .toString('utf8')
      .replace(/^\uFEFF/, '');
  } finally {
    await handle.close();
  }
}

/** Cut at 64 KiB. */
export async function readFirstLine(file: string): Promise<string> {
  return (await readHead(file)).split(/\r?\n/)[0] ?? '';
}

/** @returns null when neither the name nor the first bytes say what it is */
export async function detectChatLog(file: string, fileName: string): Promise<ChatLogFormat | null> {
  const head = (await readHead(file)).trimStart();
  if (head.includes('\0')) return null;
  const extension = /\.([a-z]+)$/i.exec(fileName)?.[1]?.toLowerCase() ?? '';
  if (head.startsWith('[') && extension !== 'txt') return 'json';
  if (head.startsWith('{')) return extension === 'json' && /^\{\s*\n/.test(head) ? 'json' : 'jsonl';
  if (extension === 'jsonl' || extension === 'ndjson') return 'jsonl';
  if (['csv', 'tsv', 'tab'].includes(extension)) return 'csv';
  return ['txt', 'md', 'log', ''].includes(extension) ? 'transcript' : null;
}

/**
 * Conversations of a chat log, in the order of the file, which is streamed (a JSON list is not). What is no conversation is
 * told with its line and left out; the rest goes on.
 * @param settings.columns for a table; without it columns named like `question` and `answer` are looked for
 * @throws AppError `dataset.unreadable`, `dataset.columns-missing`
 */
export function parseChatLog(
  file: string,
  settings: {
    readonly format: ChatLogFormat;
    readonly columns: ColumnMapping | null;
    readonly speakers?: Speakers | undefined;
  },
): AsyncGenerator<LogEntry> {
  const speakers = settings.speakers ?? defaultSpeakers;
  switch (settings.format) {
    case 'jsonl':
      return parseJsonLines(file);
    case 'json':
      return parseJsonList(file);
    case 'transcript':
      return parseTranscript(file, speakers);
    case 'csv':
      return parseTable(
        file,
        settings.columns ?? { kind: 'exchanges', question: 'question', answer: 'answer', intent: '' },
        speakers,
      );
  }
}
