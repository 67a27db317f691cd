import { expect, it } from 'vitest';
import { assertionSchema, SCORED_TYPES } from '#lib/evaluation/assertion-registry.ts';
import { type AssertionField, assertionLooks, describeAssertion, findLook } from './assertion-looks.ts';

const samples: Readonly<Record<AssertionField['kind'], unknown>> = {
  text: 'en',
  lines: ['one', 'two'],
  number: 1,
  flag: true,
  json: { type: 'object' },
  scope: 'all',
  choices: [' Paris.', ' Rome.'],
  labels: Array.from({ length: 20 }, (_, index) => ({ answer: `Answer ${index}`, isMet: index % 2 === 0 })),
};

it.each(Object.values(assertionLooks))('offers for “$label” what its schema knows, and nothing else', (look) => {
  const filled = {
    ...look.initial,
    ...Object.fromEntries(look.fields.map(({ name, kind }) => [name, samples[kind]])),
  };
  // Strict schemas: a field that the form invents would be refused.
  expect(assertionSchema.parse(filled)).toMatchObject(filled);
});

it.each(assertionSchema.options.map(({ shape }) => [[...shape.type.values][0] ?? '', shape] as const))(
  'lets every property of “%s” be edited',
  (type, shape) => {
    const edited = findLook(type)?.fields.flatMap(({ name, covers }) => [name, ...(covers ?? [])]);
    expect(edited?.toSorted()).toEqual(
      Object.keys(shape)
        .filter((name) => name !== 'type')
        .toSorted(),
    );
  },
);

it('knows which checks need no answer', () => {
  const scored = Object.entries(assertionLooks).filter(([, { isScored }]) => isScored === true);
  expect(scored.map(([type]) => type).toSorted()).toEqual([...SCORED_TYPES].toSorted());
});

it('tells a check in one line', () => {
  expect(describeAssertion({ type: 'contains', values: ['36 months', 'E14'] })).toBe(
    'States these facts: 36 months · E14',
  );
  expect(describeAssertion({ type: 'refuses' })).toBe('Refuses');
  expect(describeAssertion({ type: 'prefers', choices: [' Paris.', ' Rome.'], correct: 1 })).toBe(
    'Finds one continuation likeliest: Rome.',
  );
  expect(describeAssertion({ type: 'of-tomorrow' })).toBe('of-tomorrow');
});
