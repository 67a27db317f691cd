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
});
