import { describe, expect, it } from 'vitest';
import { splitQuestion } from './split-question.ts';

describe('splitQuestion', () => {
  it.each([
    [
      'How do I clean the lid, and which oil does the rotor need?',
      ['How do I clean the lid', 'which oil does the rotor need?'],
    ],
    [
      'What does error E14 mean? How long is the warranty on a registered device?',
      ['What does error E14 mean', 'How long is the warranty on a registered device?'],
    ],
    [
      'where is the service port; what is the fuse rating of the plug',
      ['where is the service port', 'what is the fuse rating of the plug'],
    ],
  ])('parts %s', (question, parts) => {
    expect(splitQuestion(question)).toEqual(parts);
  });

  it.each([
    'What is the order number of the lid seal, and what does it cost?',
    'What does error code E14 mean and what should I do?',
    'Is the pump for salt and sweet water?',
    'How long must the centrifuge stand before I switch it on after delivery?',
    'Who? What? When? Where is the switch of the main valve?',
    '',
  ])('leaves whole what is one question, or cannot stand in parts: %s', (question) => {
    expect(splitQuestion(question)).toEqual([]);
  });
});
