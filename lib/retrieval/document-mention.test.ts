import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DocumentPhrase, findDocumentMention, isNamedBy } from './document-mention.ts';

describe('findDocumentMention', () => {
  it.each([
    ['And in the K40 manual?', [['k40']]],
    ['According to the K40 manual, how heavy is the rotor?', [['k40']]],
    ['What does the travel expense policy say about trains?', [['travel', 'expense']]],
    ['The K40 manual says 45 Nm. Is that right?', [['k40']]],
    ['In case of a leak, see the K40 manual.', [['k40']]],
    ['Which torque stands on page 3 of our service handbook?', [['service']]],
    ['What about the returns policy?', [['returns']]],
    ['Is it in “Tarnwick K40, second edition”?', [['tarnwick', 'k40', 'second', 'edition']]],
    ['Compare k35-notes.pdf with the rest', [['k35', 'notes', 'pdf']]],
    ['Is the oil named in the K35 manual or in the K40 manual?', [['k35'], ['k40']]],
  ])('%s', (question, words) => {
    const { phrases, isElsewhere } = findDocumentMention(question);
    expect(phrases.map((phrase) => phrase.words)).toEqual(words);
    expect(isElsewhere).toBe(false);
  });

  it.each(['What does the manual say about the belt?', 'And in the same document?', 'Is it in this very file?'])(
    'points at one that was named before: %s',
    (question) => {
      expect(findDocumentMention(question)).toMatchObject({ phrases: [], isElsewhere: false, isPointing: true });
    },
  );

  it.each([
    'How long is the warranty of the Model 7?',
    'How do I file a report for the pump?',
    'Is there a manual for the K40?',
    'Where is the policy on travel?',
    'The lamp is red, manual mode is on',
  ])('names no document: %s', (question) => {
    expect(findDocumentMention(question)).toMatchObject({ phrases: [], isElsewhere: false, isPointing: false });
  });

  it.each(['And in the other manuals?', 'In any other document?', 'Is it in all policies?', 'Is it said elsewhere?'])(
    'looks elsewhere: %s',
    (question) => {
      expect(findDocumentMention(question)).toMatchObject({ phrases: [], isElsewhere: true, isPointing: false });
    },
  );

  it.each([
    ['What does the manual say about the belt?', true],
    ['According to whom?', true],
    ['Compare k35-notes.pdf with the rest', true],
    ['Is it in “Pump”?', true],
    ['How long is the warranty of the Model 7?', false],
    ['How do I file a complaint?', false],
  ])('speaks of a document as a document: %s %s', (question, expected) => {
    expect(findDocumentMention(question).isAboutDocument).toBe(expected);
  });

  it('says where in the question a name stands, whatever is asked', () => {
    const words = fc.constantFrom('in', 'the', 'K40', 'manual', 'to', 'other', '“', '”', 'a.pdf', '?', ',', 'policy');
    fc.assert(
      fc.property(fc.array(words, { maxLength: 20 }), (parts) => {
        const question = parts.join(' ');
        for (const phrase of findDocumentMention(question).phrases) {
          const stretch = question.slice(phrase.start, phrase.end).toLowerCase();
          expect(phrase.words.filter((word) => word !== '').every((word) => stretch.includes(word))).toBe(true);
        }
      }),
    );
  });
});

function phraseOf(question: string): DocumentPhrase {
  const [phrase] = findDocumentMention(question).phrases;
  if (!phrase) throw new Error(`“${question}” names no document`);
  return phrase;
}

describe('isNamedBy', () => {
  it.each([
    ['in the K40 manual', ['tarnwick-k40-manual', 'a.pdf'], true],
    ['in the K40 manual', ['K400 manual', 'k400.pdf'], false],
    ['in the K40 manual', ['Operating instructions', 'K40.pdf'], true],
    ['in the travel expense policy', ['Travel and expense policy', 'policy.docx'], true],
    ['in the company policy', ['Company policy 2026', 'a.docx'], true],
    ['in the company policy', ['Company car policy', 'a.docx'], false],
    ['in “Company car”', ['Company car policy', 'a.docx'], true],
  ])('%s, %s', (question, names, expected) => {
    expect(isNamedBy(phraseOf(question), names)).toBe(expected);
  });
});
