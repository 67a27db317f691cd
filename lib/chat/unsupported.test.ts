import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { citeAnswer } from './cite.ts';
import { createTestSource, hostileCharacters } from './test-sources.ts';
import { findUnsupported } from './unsupported.ts';

const manual = createTestSource({
  documentTitle: 'Norwell MX-7731 service manual',
  headings: ['4 Maintenance'],
  text: 'Tighten the head bolts to 45 Nm. The motor draws 1,250 W at 50 Hz. Three bolts hold the lid. Issued on 12 March 2024 by Norwell Ltd.',
});

function mark(answer: string) {
  const { text, citations } = citeAnswer(answer, [manual], '');
  return findUnsupported(text, [manual], citations).map((span) => ({
    kind: span.kind,
    text: text.slice(span.answerStart, span.answerEnd),
    ...(span.nearest === undefined ? {} : { nearest: span.nearest }),
  }));
}

const hostileText = fc.array(fc.constantFrom(...hostileCharacters), { maxLength: 80 }).map((pieces) => pieces.join(''));

describe('findUnsupported', () => {
  test('marks nothing that the passage says in another notation', () => {
    expect(mark('Tighten the head bolts to 45Nm.')).toEqual([]);
    expect(mark('The motor draws 1250 watts at 50 Hz.')).toEqual([]);
    expect(mark('3 bolts hold the lid.')).toEqual([]);
    expect(mark('Norwell issued it on March 12, 2024.')).toEqual([]);
    expect(mark('Norwell Ltd issued it in March 2024.')).toEqual([]);
  });

  test('marks a wrong number', () => {
    expect(mark('Tighten the head bolts to 54 Nm.')).toContainEqual({ kind: 'number', text: '54 Nm' });
  });

  test('marks a right number with a wrong unit', () => {
    expect(mark('Tighten the head bolts to 45 kg.')).toContainEqual({ kind: 'number', text: '45 kg' });
  });

  test('marks a mangled part number and names its one neighbour, without changing the text', () => {
    expect(mark('The MX-731 draws 1,250 W.')).toContainEqual({ kind: 'code', text: 'MX-731', nearest: 'MX-7731' });
  });

  test('names no neighbour when two are as near', () => {
    const twins = createTestSource({ text: 'Use the MX-7731 or the MX-7732 only.' });
    const spans = findUnsupported('Use the MX-7733 only.', [twins], []);
    expect(spans.find((span) => span.kind === 'code')).not.toHaveProperty('nearest');
  });

  test('marks a wrong date', () => {
    expect(mark('It was issued on 13 March 2024 by Norwell Ltd.')).toContainEqual({
      kind: 'date',
      text: '13 March 2024',
    });
  });

  test('marks a name that no passage holds', () => {
    expect(mark('Tighten the head bolts, says Henry Miller.')).toContainEqual({ kind: 'name', text: 'Henry Miller' });
  });

  test('marks a whole sentence that nothing supports', () => {
    expect(mark('The weather will probably turn rainy tomorrow.')).toEqual([
      { kind: 'sentence', text: 'The weather will probably turn rainy tomorrow.' },
    ]);
  });

  test('leaves short agreement alone', () => {
    expect(mark('Yes, it does.')).toEqual([]);
  });

  test('never throws, and every span lies in the text', () => {
    fc.assert(
      fc.property(hostileText, hostileText, (answer, passage) => {
        const source = createTestSource({ text: passage });
        for (const span of findUnsupported(answer, [source], [])) {
          expect(span.answerStart).toBeGreaterThanOrEqual(0);
          expect(span.answerStart).toBeLessThan(span.answerEnd);
          expect(span.answerEnd).toBeLessThanOrEqual(answer.length);
        }
      }),
      { numRuns: 100 },
    );
  });

  test('a fact of the passage is never marked in a copy of the passage', () => {
    const part = fc.oneof(
      fc.nat(100_000).map(String),
      fc.tuple(fc.constantFrom('MX', 'A', 'ZR'), fc.nat(9999)).map(([letters, digits]) => `${letters}-${digits}`),
      fc
        .tuple(fc.nat(500), fc.constantFrom('Nm', ' kg', ' bar', '%', ' °C', ' hours'))
        .map(([n, unit]) => `${n}${unit}`),
      fc.constantFrom('12 March 2024', '2024-03-12', 'March 2024', 'and', 'the valve', 'opens at'),
    );
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 12 }), (parts) => {
        const passage = parts.join(', ');
        const marked = findUnsupported(passage, [createTestSource({ text: passage })], []);
        expect(marked.filter((span) => span.kind !== 'sentence')).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });
});
