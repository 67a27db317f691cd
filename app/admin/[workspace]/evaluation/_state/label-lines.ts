import type { RubricLabel } from '#lib/evaluation/rubric-labels.ts';

const isLabel = (value: unknown): value is RubricLabel =>
  typeof value === 'object' &&
  value !== null &&
  'answer' in value &&
  typeof value.answer === 'string' &&
  'isMet' in value &&
  typeof value.isMet === 'boolean';

/** What of an unfinished rubric is a labelled answer. */
export const listLabels = (labels: unknown): RubricLabel[] => (Array.isArray(labels) ? labels.filter(isLabel) : []);

/** The answers of one kind, one a line. The judge reads any blank as a space, so a line break in an answer is one here. */
export function writeLabels(labels: unknown, isMet: boolean): string {
  return listLabels(labels)
    .filter((label) => label.isMet === isMet)
    .map(({ answer }) => answer.replaceAll(/\s+/g, ' ').trim())
    .join('\n');
}

const readLines = (text: string, isMet: boolean): RubricLabel[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((answer) => ({ answer, isMet }));

export function readLabels(met: string, unmet: string): RubricLabel[] {
  return [...readLines(met, true), ...readLines(unmet, false)];
}
