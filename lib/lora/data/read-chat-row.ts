import { z } from 'zod';
import type { TrainingMessage } from './tokenizer.ts';

/** What one line of a chat file asks to be learned, or why it cannot be. */
export type ChatRow =
  | { readonly kind: 'conversation'; readonly messages: readonly TrainingMessage[] }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'malformed' | 'empty'; readonly reason: string };

/** OpenAI writes a content as a string or as a list of parts. */
const contentSchema = z.union([
  z.string(),
  z
    .array(z.object({ type: z.literal('text'), text: z.string() }))
    .transform((parts) => parts.map((part) => part.text).join('')),
]);
/** `developer` is OpenAI's newer name for `system`. */
const roleSchema = z
  .enum(['system', 'developer', 'user', 'assistant'])
  .transform((role) => (role === 'developer' ? 'system' : role));
const rowSchema = z.union([
  z.object({ messages: z.array(z.object({ role: roleSchema, content: contentSchema })) }),
  z.object({ text: z.string() }),
]);

/** Half of a surrogate pair, which JSON can spell and UTF-8 cannot. */
const isWellFormed = (text: string) => text.isWellFormed();
const isBlank = (text: string) => text.trim() === '';

/** Words that name what is wrong with a row that has the shape of none of the known kinds. */
function describeShape(row: unknown): string {
  if (Array.isArray(row)) return 'is a JSON array; expected one JSON object on each line';
  if (typeof row !== 'object' || row === null) return 'is no JSON object';
  if (!('messages' in row)) return 'text' in row ? '"text" is no string' : 'has neither "messages" nor "text"';
  if (!Array.isArray(row.messages)) return '"messages" is no list';
  const parsed = rowSchema.options[0].safeParse(row);
  const issue = parsed.error?.issues[0];
  const place = (issue?.path ?? [])
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('');
  const expected = place.endsWith('.role')
    ? 'expected system, user or assistant'
    : 'expected a role, and a content that is text';
  return `${place.slice(1)}: ${expected}`;
}

/** Read one line of chat JSONL: `{"messages": [{"role", "content"}, …]}` or `{"text": "…"}`; other fields are ignored. */
export function readChatRow(line: string): ChatRow {
  if (isBlank(line)) return { kind: 'empty', reason: 'is a blank line' };
  try {
    return readChatValue(JSON.parse(line));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { kind: 'malformed', reason: 'is no valid JSON' };
  }
}

/** {@link readChatRow} for a line that is parsed already. */
export function readChatValue(row: unknown): ChatRow {
  const parsed = rowSchema.safeParse(row);
  if (!parsed.success) return { kind: 'malformed', reason: describeShape(row) };
  if ('text' in parsed.data) {
    const { text } = parsed.data;
    if (isBlank(text)) return { kind: 'empty', reason: '"text" is empty' };
    return isWellFormed(text) ? { kind: 'text', text } : { kind: 'malformed', reason: 'has half of a surrogate pair' };
  }
  const { messages } = parsed.data;
  if (messages.length === 0) return { kind: 'empty', reason: '"messages" is empty' };
  const blank = messages.findIndex(({ role, content }) => role !== 'system' && isBlank(content));
  if (blank !== -1) return { kind: 'empty', reason: `messages[${blank}] (${messages[blank]?.role}) has no content` };
  if (!messages.every(({ content }) => isWellFormed(content)))
    return { kind: 'malformed', reason: 'has half of a surrogate pair' };
  return { kind: 'conversation', messages };
}
