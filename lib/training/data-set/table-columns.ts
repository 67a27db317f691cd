import { dsvFormat } from 'd3-dsv';
import { z } from 'zod';

/** Which columns of a table hold what: one exchange a row, or one turn a row. */
export const columnMappingSchema = z.union([
  z.object({
    kind: z.literal('exchanges'),
    question: z.string().min(1),
    answer: z.string().min(1),
    /** Empty: none. */
    intent: z.string().default(''),
  }),
  z.object({
    kind: z.literal('turns'),
    conversation: z.string().min(1),
    role: z.string().min(1),
    content: z.string().min(1),
  }),
]);
export type ColumnMapping = z.infer<typeof columnMappingSchema>;

/** The separator that the first line speaks for most. */
export function detectDelimiter(header: string): string {
  const bare = header.replaceAll(/"[^"]*"/g, '');
  const counted = [',', ';', '\t'].map((delimiter) => ({ delimiter, count: bare.split(delimiter).length }));
  return counted.toSorted((a, b) => b.count - a.count)[0]?.delimiter ?? ',';
}

/** Names of the columns in the first line of a table. */
export function readHeader(line: string): readonly string[] {
  const text = line.replace(/^\uFEFF/, '').replace(/\r$/, '');
  return (dsvFormat(detectDelimiter(text)).parseRows(text)[0] ?? []).map((name) => name.trim());
}

const guesses = {
  question: ['question', 'instruction', 'prompt', 'user', 'customer', 'input', 'query', 'message'],
  answer: ['answer', 'response', 'reply', 'completion', 'assistant', 'agent', 'output'],
  intent: ['intent', 'category', 'topic', 'label'],
  conversation: [
    'conversation',
    'conversation_id',
    'conversationid',
    'ticket',
    'ticket_id',
    'thread',
    'thread_id',
    'chat_id',
    'session',
  ],
  role: ['role', 'speaker', 'author', 'from', 'sender'],
  content: ['content', 'text', 'message', 'body', 'value'],
} as const;

/** The mapping that the names of the columns speak for; null when they speak for none. */
export function guessColumns(header: readonly string[]): ColumnMapping | null {
  const find = (names: readonly string[]) =>
    names.map((name) => header.find((column) => column.toLowerCase() === name)).find((column) => column !== undefined);
  const conversation = find(guesses.conversation);
  const role = find(guesses.role);
  const content = find(guesses.content);
  if (conversation !== undefined && role !== undefined && content !== undefined)
    return { kind: 'turns', conversation, role, content };
  const question = find(guesses.question);
  const answer = find(guesses.answer);
  if (question === undefined || answer === undefined) return null;
  return { kind: 'exchanges', question, answer, intent: find(guesses.intent) ?? '' };
}
