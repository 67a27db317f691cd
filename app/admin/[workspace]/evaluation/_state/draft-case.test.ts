import { expect, it } from 'vitest';
import { testCaseSchema } from '#lib/evaluation/test-case.ts';
import { emptyCase, findGap, finishCase, makeKey } from './draft-case.ts';

const whole = { ...emptyCase, question: ' Which pump? ', assertions: [{ type: 'contains', values: ['MX-7731'] }] };

it('makes what the schema takes', () => {
  expect(testCaseSchema.parse(finishCase(whole))).toMatchObject({ question: 'Which pump?', mode: 'retrieval' });
  const sent = finishCase({ ...whole, context: [{ title: 'Left over', text: 'from another mode', page: 1 }] });
  expect(testCaseSchema.safeParse(sent).success).toBe(true);
  expect(finishCase({ ...whole, tags: [' a', 'a', '', 'b '] }).tags).toEqual(['a', 'b']);
});

it('keeps the key of a case whose question changes, and gives two like questions different ones', () => {
  expect(finishCase({ ...whole, key: 'old-key' }).key).toBe('old-key');
  expect(makeKey('Which pump?')).toMatch(/^which-pump-[0-9a-f]{8}$/);
  expect(makeKey('Which pump?')).not.toBe(makeKey('Which pump?'));
  expect(makeKey('何の?')).toMatch(/^case-[0-9a-f]{8}$/);
});

it('says what is missing', () => {
  expect(findGap(whole)).toBeNull();
  expect(findGap(emptyCase)).toContain('question');
  expect(findGap({ ...whole, assertions: [] })).toContain('check');
  expect(findGap({ ...whole, assertions: [{ type: 'contains', values: [] }] })).toContain('nothing to look for');
  expect(findGap({ ...whole, assertions: [{ type: 'similar', value: '' }] })).toContain('empty');
  expect(findGap({ ...whole, assertions: [{ type: 'prefers', choices: [' a', ''], correct: 0 }] })).toContain('empty');
  expect(findGap({ ...whole, assertions: [{ type: 'rubric', criterion: 'Is polite.', labels: [] }] })).toContain('20');
  expect(findGap({ ...whole, mode: 'score' })).toContain('States these facts');
  expect(findGap({ ...whole, weight: null })).toContain('weight');
  expect(findGap({ ...whole, mode: 'context' })).toContain('passages');
  expect(findGap({ ...whole, mode: 'context', context: [{ title: ' ', text: 'x', page: 1 }] })).toContain('title');
  expect(findGap({ ...whole, history: [{ role: 'user', content: ' ' }] })).toContain('turn');
});
