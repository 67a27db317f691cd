import { expect, it } from 'vitest';
import { assertionSchema } from '#lib/evaluation/assertion-registry.ts';
import { type AssertionField, assertionLooks, describeAssertion } from './assertion-looks.ts';

const samples: Readonly<Record<AssertionField['kind'], unknown>> = {
  text: 'en',
  lines: ['one', 'two'],
  number: 1,
  flag: true,
  json: { type: 'object' },
  scope: 'all',
};

it.each(Object.values(assertionLooks))('offers for “$label” what its schema knows, and nothing else', (look) => {
  const filled = {
    ...look.initial,
    ...Object.fromEntries((look.fields ?? []).map(({ name, kind }) => [name, samples[kind]])),
  };
  // Strict schemas: a field that the form invents would be refused.
  expect(assertionSchema.parse(filled)).toMatchObject(filled);
});

it('tells a check in one line', () => {
  expect(describeAssertion({ type: 'contains', values: ['36 months', 'E14'] })).toBe(
    'States these facts: 36 months · E14',
  );
  expect(describeAssertion({ type: 'refuses' })).toBe('Refuses');
  expect(describeAssertion({ type: 'prefers', choices: [] })).toBe('Finds one continuation likeliest');
  expect(describeAssertion({ type: 'of-tomorrow' })).toBe('of-tomorrow');
});
