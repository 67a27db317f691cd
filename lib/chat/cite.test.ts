import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { citeAnswer, stripMarkers } from './cite.ts';
import { createTestSource, hostileCharacters } from './test-sources.ts';

const torque = createTestSource({
  number: 1,
  text: 'Check the seal. Tighten the head bolts of the MX-7731 to 45 Nm. Repeat after 50 hours of operation.',
});
const oil = createTestSource({
  number: 2,
  text: 'The gearbox holds 2.5 litres of ISO VG 46 oil. Replace the oil every 2,000 hours or once a year.',
});
const storage = createTestSource({
  number: 3,
  text: 'Store the pump in a dry room between 5 °C and 40 °C. Drain the hous-\ning first.',
});
const sources = [torque, oil, storage];

const hostileText = fc.array(fc.constantFrom(...hostileCharacters), { maxLength: 80 }).map((pieces) => pieces.join(''));

describe('citeAnswer', () => {
  test('keeps a marker that its passage bears out and takes it out of the text', () => {
    const { text, citations } = citeAnswer('Tighten the head bolts to 45 Nm [1].', sources, 'What torque?');
    expect(text).toBe('Tighten the head bolts to 45 Nm.');
    expect(citations).toHaveLength(1);
    expect(citations[0]).toMatchObject({ sourceNumber: 1, origin: 'model', answerStart: 0, answerEnd: text.length });
    expect(citations[0]?.quote).toContain('45 Nm');
  });

  test('drops a marker that names the wrong passage and finds the right one by wording', () => {
    const { citations } = citeAnswer('Tighten the head bolts to 45 Nm [2].', sources, 'What torque?');
    expect(citations.map((c) => [c.sourceNumber, c.origin])).toEqual([[1, 'attributed']]);
  });

  test('drops markers of passages that do not exist', () => {
    const { text, citations } = citeAnswer('The weather will be fine tomorrow [9][12].', sources, 'Weather?');
    expect(text).toBe('The weather will be fine tomorrow.');
    expect(citations).toEqual([]);
  });

  test('does not cite a sentence whose number the passage does not hold, however well the words agree', () => {
    expect(citeAnswer('Tighten the head bolts of the MX-7731 to 54 Nm [1].', sources, '').citations).toEqual([]);
    expect(citeAnswer('Tighten the head bolts of the MX-731 to 45 Nm.', sources, '').citations).toEqual([]);
  });

  test('cites each sentence on its own', () => {
    const { text, citations } = citeAnswer(
      'Tighten the head bolts to 45 Nm. Replace the oil every 2000 hours.',
      sources,
      'How do I service the pump?',
    );
    expect(citations.map((c) => [c.sourceNumber, text.slice(c.answerStart, c.answerEnd)])).toEqual([
      [1, 'Tighten the head bolts to 45 Nm.'],
      [2, 'Replace the oil every 2000 hours.'],
    ]);
  });

  test('cites both passages of a sentence that joins them', () => {
    const { citations } = citeAnswer(
      'Tighten the head bolts to 45 Nm and replace the gearbox oil after 2,000 hours.',
      sources,
      '',
    );
    expect(citations.map((c) => c.sourceNumber).toSorted((a, b) => a - b)).toEqual([1, 2]);
  });

  test('places a short answer in the sentence that speaks of the question', () => {
    const twice = createTestSource({ text: 'The lid is held by 4 bolts. The base is held by 4 screws.' });
    expect(citeAnswer('4', [twice], 'How many screws hold the base?').citations[0]?.quote).toBe(
      'The base is held by 4 screws.',
    );
  });

  test('reads over line ends, hyphenation, case and typographic signs', () => {
    const { citations } = citeAnswer('DRAIN THE HOUSING FIRST', sources, '');
    expect(citations[0]).toMatchObject({ sourceNumber: 3, quote: 'Drain the hous-\ning first.' });
  });

  test('an answer of function words alone is not cited', () => {
    expect(citeAnswer('Yes.', sources, 'Is it safe?').citations).toEqual([]);
  });

  test('cuts a very long sentence to the words that matched', () => {
    const long = createTestSource({
      text: `${'alpha beta gamma '.repeat(100)}the relief valve opens at 12 bar ${'delta epsilon '.repeat(100)}`,
    });
    const quote = citeAnswer('The relief valve opens at 12 bar.', [long], '').citations[0]?.quote ?? '';
    expect(quote).toContain('relief valve opens at 12 bar');
    expect(quote.length).toBeLessThanOrEqual(400);
  });
});

test('stripMarkers keeps brackets that are no markers', () => {
  expect(stripMarkers('Press [Enter] [1, 2] and a[10] 【3】.').text).toBe('Press [Enter] and a.');
  expect(stripMarkers('See [2024] and [note 1].').text).toBe('See [2024] and [note 1].');
});

describe('for any text', () => {
  const word = fc.constantFrom(
    'the',
    'MX-7731',
    '45 Nm',
    '[1]',
    '[2]',
    '[99]',
    'oil',
    'Replace',
    '.',
    '\n',
    '1,250',
    '“',
    'é',
    'hous-\ning',
    '2024-05-01',
  );
  const text = fc.oneof(
    hostileText,
    hostileText,
    fc.array(word, { maxLength: 40 }).map((words) => words.join(' ')),
  );

  test('every quote is the slice of its source, every offset in range', () => {
    fc.assert(
      fc.property(text, fc.array(text, { maxLength: 4 }), text, (answer, passages, question) => {
        const offered = passages.map((passage, index) => createTestSource({ number: index + 1, text: passage }));
        const cited = citeAnswer(answer, offered, question);
        for (const citation of cited.citations) {
          const source = offered.find(({ number }) => number === citation.sourceNumber);
          expect(source?.text.slice(citation.quoteStart, citation.quoteEnd)).toBe(citation.quote);
          expect(citation.quote.length).toBeGreaterThan(0);
          expect(citation.quoteEnd).toBeLessThanOrEqual(source?.text.length ?? 0);
          expect(citation.answerStart).toBeLessThan(citation.answerEnd);
          expect(citation.answerEnd).toBeLessThanOrEqual(cited.text.length);
        }
      }),
      { numRuns: 100 },
    );
  });

  test('a sentence copied from a passage is cited to a passage that holds it', () => {
    fc.assert(
      fc.property(fc.constantFrom(...sources), fc.nat(2), (source, pick) => {
        const sentences = source.text.replaceAll('-\n', '').split(/(?<=\.) /);
        const copied = sentences[pick % sentences.length] ?? '';
        const { citations } = citeAnswer(copied, sources, '');
        expect(citations.map((c) => c.sourceNumber)).toContain(source.number);
      }),
    );
  });
});
