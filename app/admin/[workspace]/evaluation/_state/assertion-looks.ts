import type { Assertion } from '#lib/evaluation/assertion-registry.ts';
import { DEFAULT_AGREEMENT } from '#lib/evaluation/rubric-labels.ts';

/** A check as the editor holds it: what it becomes is decided by the server's schema. */
export type DraftAssertion = Readonly<Record<string, unknown>> & { readonly type: string };

export interface AssertionField {
  readonly name: string;
  readonly label: string;
  /**
   * `lines`: a list with an entry a line. `json`: an object. `scope`: whose words are looked at. `choices`: continuations, of which
   * one is right. `labels`: answers that people have labelled.
   */
  readonly kind: 'text' | 'lines' | 'number' | 'flag' | 'json' | 'scope' | 'choices' | 'labels';
  /** Other properties that the same control edits. */
  readonly covers?: readonly string[];
  readonly hint?: string;
  readonly isOptional?: boolean;
}

export interface AssertionLook {
  readonly label: string;
  readonly fields: readonly AssertionField[];
  readonly initial: DraftAssertion;
  /** It compares likelihoods, so it can stand in a case in which nothing is written. */
  readonly isScored?: boolean;
}

const scope: AssertionField = { name: 'scope', label: 'Looks at', kind: 'scope' };

/** The form of each kind of check, in the order in which they are offered. */
export const assertionLooks: Readonly<Record<Assertion['type'], AssertionLook>> = {
  contains: {
    label: 'States these facts',
    fields: [
      { name: 'values', label: 'Expected facts', kind: 'lines', hint: 'One a line. All must stand in the answer.' },
      scope,
    ],
    initial: { type: 'contains', values: [], scope: 'all' },
  },
  'cites-document': {
    label: 'Cites this document',
    fields: [
      { name: 'title', label: 'Expected document', kind: 'text', hint: 'Its title, or part of it.' },
      { name: 'page', label: 'Page', kind: 'number', hint: 'Empty: any.', isOptional: true },
    ],
    initial: { type: 'cites-document', title: '' },
  },
  'contains-any': {
    label: 'States one of these',
    fields: [{ name: 'values', label: 'Any of', kind: 'lines', hint: 'One a line.' }, scope],
    initial: { type: 'contains-any', values: [], scope: 'all' },
  },
  similar: {
    label: 'Means the same',
    fields: [
      { name: 'value', label: 'Reference answer', kind: 'text' },
      { name: 'threshold', label: 'Least similarity', kind: 'number', hint: '0 to 1; 0.7 says the same.' },
      scope,
    ],
    initial: { type: 'similar', value: '', threshold: 0.7, scope: 'all' },
  },
  refuses: { label: 'Refuses', fields: [], initial: { type: 'refuses' } },
  answers: { label: 'Answers, does not refuse', fields: [], initial: { type: 'answers' } },
  'citation-valid': {
    label: 'Every citation holds',
    fields: [{ name: 'isSupportRequired', label: 'Nothing in it may be without a source', kind: 'flag' }],
    initial: { type: 'citation-valid', isSupportRequired: true },
  },
  forbids: {
    label: 'Never says',
    fields: [{ name: 'values', label: 'Forbidden words', kind: 'lines', hint: 'One a line.' }, scope],
    initial: { type: 'forbids', values: [], scope: 'all' },
  },
  equals: {
    label: 'Is exactly',
    fields: [{ name: 'value', label: 'The whole answer', kind: 'text' }, scope],
    initial: { type: 'equals', value: '', scope: 'own' },
  },
  matches: {
    label: 'Matches a pattern',
    fields: [
      { name: 'pattern', label: 'Regular expression', kind: 'text', hint: 'RE2’s syntax.' },
      { name: 'isCaseSensitive', label: 'Capitals count', kind: 'flag' },
      { name: 'isForbidden', label: 'Must not match', kind: 'flag' },
      scope,
    ],
    initial: { type: 'matches', pattern: '', isCaseSensitive: false, isForbidden: false, scope: 'own' },
  },
  'json-schema': {
    label: 'Is JSON of a schema',
    fields: [{ name: 'schema', label: 'JSON Schema', kind: 'json' }, scope],
    initial: { type: 'json-schema', schema: { type: 'object' }, scope: 'own' },
  },
  language: {
    label: 'Is in a language',
    fields: [{ name: 'value', label: 'Code', kind: 'text', hint: 'Two letters, e.g. en.' }, scope],
    initial: { type: 'language', value: 'en', scope: 'own' },
  },
  length: {
    label: 'Has a length',
    fields: [
      { name: 'minWords', label: 'Least words', kind: 'number' },
      { name: 'maxWords', label: 'Most words', kind: 'number', isOptional: true },
      scope,
    ],
    initial: { type: 'length', minWords: 1, scope: 'own' },
  },
  latency: {
    label: 'Comes in time',
    fields: [{ name: 'maxMs', label: 'Milliseconds', kind: 'number' }],
    initial: { type: 'latency', maxMs: 10_000 },
  },
  likelihood: {
    label: 'Has not become unlikely',
    fields: [
      { name: 'text', label: 'Reference text', kind: 'text', hint: 'What should follow the question.' },
      { name: 'maxLoss', label: 'Most loss', kind: 'number', hint: 'Nats a token below the base.' },
    ],
    initial: { type: 'likelihood', text: '', maxLoss: 0.5 },
    isScored: true,
  },
  prefers: {
    label: 'Finds one continuation likeliest',
    fields: [{ name: 'choices', label: 'Continuations', kind: 'choices', covers: ['correct', 'prefixes'] }],
    initial: { type: 'prefers', choices: [' the right one', ' another'], correct: 0 },
    isScored: true,
  },
  rubric: {
    label: 'Meets a criterion, says a judge',
    fields: [
      { name: 'criterion', label: 'Criterion', kind: 'text', hint: 'One sentence that is true of an answer or not.' },
      {
        name: 'minAgreement',
        label: 'Agreement asked',
        kind: 'number',
        hint: 'Cohen’s κ, 0.5 to 1; 1 is full agreement.',
      },
      { name: 'labels', label: 'Labelled answers', kind: 'labels' },
    ],
    initial: { type: 'rubric', criterion: '', labels: [], minAgreement: DEFAULT_AGREEMENT },
  },
};

export const findLook = (type: string): AssertionLook | undefined =>
  Object.entries(assertionLooks).find(([name]) => name === type)?.[1];

/** One line for a list. */
export function describeAssertion(assertion: DraftAssertion): string {
  const look = findLook(assertion.type);
  if (look === undefined) return assertion.type;
  const [first] = look.fields;
  const value = first === undefined ? undefined : assertion[first.name];
  const correct = assertion['correct'];
  const chosen: unknown = Array.isArray(value) && typeof correct === 'number' ? value[correct] : value;
  const shown = Array.isArray(chosen)
    ? chosen.join(' · ')
    : typeof chosen === 'string' || typeof chosen === 'number'
      ? String(chosen).trim()
      : '';
  return shown === '' ? look.label : `${look.label}: ${shown}`;
}
