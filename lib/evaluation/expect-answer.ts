import { findFacts } from '#lib/chat/facts.ts';
import { holdsWords } from './assertion.ts';
import type { TestCaseInput } from './test-case.ts';

/** Bounds of the schemas of `similar` and `contains`. */
const MAX_REFERENCE = 4000;
const MAX_FACTS = 50;
/** Cosine: a small model that says the same in other words stays above, one that says something else below. */
const SAME_MEANING = 0.6;
const SAME_MEANING_WITHOUT_FACTS = 0.7;

/**
 * What a right answer is held to: the numbers, codes and dates of a reference to the letter, the rest by meaning.
 * @param question what it says already shows nothing when it is repeated. Default: nothing is left out
 */
export function expectAnswer(reference: string, question = ''): TestCaseInput['assertions'] {
  const written = findFacts(reference).map(({ start, end }) => reference.slice(start, end).trim());
  const facts = [...new Set(written)].filter((fact) => !holdsWords(question, fact)).slice(0, MAX_FACTS);
  return [
    ...(facts.length === 0 ? [] : [{ type: 'contains' as const, values: facts, scope: 'all' as const }]),
    {
      type: 'similar',
      value: reference.slice(0, MAX_REFERENCE),
      threshold: facts.length === 0 ? SAME_MEANING_WITHOUT_FACTS : SAME_MEANING,
      scope: 'all',
    },
  ];
}
