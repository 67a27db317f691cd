import { describe, expect, test } from 'vitest';
import { rewriteFollowUp } from './rewrite-follow-up.ts';

describe('rewriteFollowUp', () => {
  test('leaves a first question alone', () => {
    expect(rewriteFollowUp('How heavy is it?', []).searchQuery).toBe('How heavy is it?');
  });

  test('leaves a question alone that names its own things', () => {
    const question = 'How often must the gearbox oil of the MX-7731 be replaced?';
    expect(rewriteFollowUp(question, ['Which torque do the head bolts need?']).isRewritten).toBe(false);
  });

  test('gives a pronoun what it stands for', () => {
    const { searchQuery } = rewriteFollowUp('How heavy is it?', ['What is the voltage of the MX-7731 pump?']);
    expect(searchQuery).toContain('MX-7731');
    expect(searchQuery).toContain('pump');
  });

  test('completes an ellipsis', () => {
    expect(rewriteFollowUp('And in winter?', ['How often should I check the coolant level?']).searchQuery).toContain(
      'coolant',
    );
  });

  test('asks of the new part and not of the old one', () => {
    const { searchQuery } = rewriteFollowUp('What about the MX-20?', [
      'Which torque do the head bolts of the MX-10 need?',
    ]);
    expect(searchQuery).toContain('torque');
    expect(searchQuery).toContain('MX-20');
    expect(searchQuery).not.toContain('MX-10');
  });

  test('follows a chain of follow-ups to the question that names the thing', () => {
    const { searchQuery } = rewriteFollowUp('Why?', ['How do I drain the MX-7731 housing?', 'And in winter?']);
    expect(searchQuery).toContain('housing');
    expect(searchQuery).toContain('winter');
  });

  test('asks of the newest part of a chain and not of the one before it', () => {
    const { searchQuery } = rewriteFollowUp('And in winter?', [
      'Which torque do the head bolts of the MX-10 need?',
      'What about the MX-20?',
    ]);
    expect(searchQuery).toContain('MX-20');
    expect(searchQuery).not.toContain('MX-10');
  });

  const FIRST = 'In the K35 manual, which torque do the head bolts of the MX-10 need?';

  test.each([
    'And the lid?',
    'And in the K40 manual?',
    'In the K40 manual?',
    'What does the K40 manual say?',
    'What about the K40 manual?',
    'According to the K40 manual?',
    'And in the other manuals?',
  ])('lets “%s” go on from the question that named a document', (question) => {
    expect(rewriteFollowUp(question, ['How heavy is it?', FIRST]).scopeQuestions).toEqual([question, FIRST]);
  });

  test.each(['And in the K40 manual?', 'In the K40 manual?', 'And in the other manuals?'])(
    'looks for the thing, and not for the other document, after “%s”',
    (question) => {
      const { searchQuery, promptQuestion } = rewriteFollowUp(question, [FIRST]);
      for (const text of [searchQuery, promptQuestion]) {
        expect(text).toContain('torque');
        expect(text).toContain('MX-10');
        expect(text).not.toContain('K35');
      }
    },
  );

  test.each([
    'How often must the gearbox oil be replaced?',
    'What is in the warranty policy?',
    'Which parts does the K40 manual list for the pump?',
  ])('leaves the document behind for “%s”', (question) => {
    expect(rewriteFollowUp(question, [FIRST])).toEqual({
      searchQuery: question,
      promptQuestion: question,
      scopeQuestions: [question],
      isRewritten: false,
    });
  });

  test('leads a chain back to the document that was turned to last', () => {
    const questions = [FIRST, 'And in the K40 manual?'];
    const { searchQuery, scopeQuestions } = rewriteFollowUp('How long?', questions);
    expect(scopeQuestions).toEqual(['How long?', ...questions.toReversed()]);
    expect(searchQuery).not.toContain('K35');
  });
});
