import { createHash } from 'node:crypto';
import type { RowMessage } from '#db/schema/data-sets.ts';

/** Messages as JSON that is the same for the same messages: roles before contents, no blanks. */
function writeMessages(messages: readonly RowMessage[]): string {
  return JSON.stringify(messages.map(({ role, content }) => ({ role, content })));
}

/** SHA-256, hex, of the canonical JSON of a row's messages. */
export function hashMessages(messages: readonly RowMessage[]): string {
  return createHash('sha256').update(writeMessages(messages)).digest('hex');
}

/** One line of a frozen file, with its line feed: an OpenAI row that also carries its id and its split. */
export function writeRowLine(row: {
  readonly id: string;
  readonly split: string;
  readonly messages: readonly RowMessage[];
}): string {
  return `{"id":${JSON.stringify(row.id)},"split":${JSON.stringify(row.split)},"messages":${writeMessages(row.messages)}}\n`;
}

/** What people and the assistant say, without the rules of a system message. */
export function joinTurns(messages: readonly RowMessage[]): string {
  return messages
    .filter(({ role }) => role !== 'system')
    .map(({ content }) => content)
    .join('\n');
}

export function firstQuestion(messages: readonly RowMessage[]): string {
  return messages.find(({ role }) => role === 'user')?.content ?? '';
}

export function lastAnswer(messages: readonly RowMessage[]): string {
  return messages.findLast(({ role }) => role === 'assistant')?.content ?? '';
}

/**
 * Put a conversation into the shape that chat templates take: system texts in front as one, the person first, turns in
 * alternation (two of one side become one), the assistant last.
 * @returns null when nothing is left to learn from
 */
export function normaliseTurns(messages: readonly RowMessage[]): readonly RowMessage[] | null {
  const system = messages
    .filter(({ role, content }) => role === 'system' && content.trim() !== '')
    .map(({ content }) => content.trim())
    .join('\n\n');
  const turns: { role: 'user' | 'assistant'; content: string }[] = [];
  for (const { role, content } of messages) {
    const text = content.trim();
    if (role === 'system' || text === '') continue;
    const last = turns.at(-1);
    if (last?.role === role) last.content += `\n${text}`;
    else if (last !== undefined || role === 'user') turns.push({ role, content: text });
  }
  if (turns.at(-1)?.role === 'user') turns.pop();
  if (turns.length === 0) return null;
  return system === '' ? turns : [{ role: 'system', content: system }, ...turns];
}
