import type { MessageView } from '#lib/domain/chat.ts';
import { describePages, listSourceParts } from '#lib/domain/source-parts.ts';

/** An answer as plain text for another program: `[n]` behind each cited stretch, the sources with their pages below. */
export function formatAnswerForCopy(message: Pick<MessageView, 'content' | 'citations' | 'sources'>): string {
  const numbersAt = new Map<number, number[]>();
  for (const { answerEnd, sourceNumber } of message.citations) {
    const numbers = numbersAt.get(answerEnd) ?? [];
    if (!numbers.includes(sourceNumber)) numbersAt.set(answerEnd, [...numbers, sourceNumber]);
  }
  let text = '';
  let position = 0;
  for (const [offset, numbers] of [...numbersAt].sort(([a], [b]) => a - b)) {
    text += message.content.slice(position, offset) + numbers.map((number) => ` [${number}]`).join('');
    position = offset;
  }
  text += message.content.slice(position);

  const cited = new Set(message.citations.map((citation) => citation.sourceNumber));
  const listed = message.sources.filter((source) => cited.size === 0 || cited.has(source.number));
  if (listed.length === 0) return text;
  const lines = listed.map(
    (source) => `[${source.number}] ${source.documentTitle}, ${describePages(listSourceParts(source))}`,
  );
  return `${text}\n\nSources\n${lines.join('\n')}`;
}
