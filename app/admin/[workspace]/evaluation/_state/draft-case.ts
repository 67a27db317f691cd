import { v4 as createUuid } from 'uuid';
import { findMissingLabels } from '#lib/evaluation/rubric-labels.ts';
import type { TestCase } from '#lib/evaluation/test-case.ts';
import { type DraftAssertion, findLook } from './assertion-looks.ts';
import { listLabels } from './label-lines.ts';

/** A case while it is edited; the server's schema says what is wrong with it. */
export interface DraftCase extends Omit<TestCase, 'assertions' | 'weight'> {
  readonly assertions: readonly DraftAssertion[];
  /** Null: the field is empty. */
  readonly weight: number | null;
}

export const emptyCase: DraftCase = {
  key: '',
  question: '',
  history: [],
  mode: 'retrieval',
  context: [],
  area: 'grounding',
  tags: [],
  weight: 1,
  isMustPass: false,
  assertions: [{ type: 'contains', values: [], scope: 'all' }],
};

/** Readable, and unlike any other: a case's history hangs on its key, whatever becomes of its question. */
export function makeKey(question: string): string {
  const words = question
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 60)
    .replace(/-+$/, '');
  return `${words === '' ? 'case' : words}-${createUuid().slice(0, 8)}`;
}

/** What stands in the way of keeping it; null: nothing that the page can see. */
export function findGap(draft: DraftCase): string | null {
  if (draft.question.trim() === '') return 'A case needs a question.';
  if (draft.assertions.length === 0) return 'A case needs at least one check: without one it proves nothing.';
  if (draft.weight === null || !(draft.weight > 0)) return 'The weight is a number above 0.';
  if (draft.mode === 'context' && draft.context.length === 0) return 'Give the passages that it answers from.';
  if (draft.mode === 'context' && draft.context.some(({ title, text }) => title.trim() === '' || text.trim() === '')) {
    return 'A passage needs a title and a text.';
  }
  const written = draft.assertions.find(({ type }) => findLook(type)?.isScored !== true);
  if (draft.mode === 'score' && written !== undefined) {
    return `Nothing is written in this case, so “${findLook(written.type)?.label ?? written.type}” has nothing to look at.`;
  }
  for (const assertion of draft.assertions) {
    const values = assertion['values'];
    if (Array.isArray(values) && values.length === 0) return `The check “${assertion.type}” has nothing to look for.`;
    for (const name of ['title', 'value', 'pattern', 'text', 'criterion']) {
      if (assertion[name] === '') return `The check “${assertion.type}” has an empty field.`;
    }
    for (const name of ['choices', 'prefixes']) {
      const texts = assertion[name];
      if (Array.isArray(texts) && texts.some((text) => text === '')) {
        return `The check “${assertion.type}” has an empty field.`;
      }
    }
    if (assertion.type === 'rubric') {
      const missing = findMissingLabels(listLabels(assertion['labels']));
      if (missing !== null) return `The rubric does not count yet: ${missing}.`;
    }
  }
  if (draft.history.some(({ content }) => content.trim() === '')) return 'An earlier turn is empty.';
  return null;
}

/** Ready to send: without the blanks that a form leaves, and with a key. */
export function finishCase(draft: DraftCase): DraftCase {
  return {
    ...draft,
    key: draft.key === '' ? makeKey(draft.question) : draft.key,
    question: draft.question.trim(),
    context: draft.mode === 'context' ? draft.context : [],
    tags: [...new Set(draft.tags.map((tag) => tag.trim()).filter(Boolean))],
  };
}
