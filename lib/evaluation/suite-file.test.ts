import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSuiteFile, suiteFormats, writeSuiteFile } from './suite-file.ts';
import { makeCaseKey, type TestCaseInput, testCaseSchema } from './test-case.ts';

const CASE = {
  question: 'What does E14 mean?',
  tags: ['intent: error codes'],
  assertions: [{ type: 'contains', values: ['overload'] }],
};

const SOURCE = {
  documentId: '0198e3a2-0000-7000-8000-000000000001',
  versionId: '0198e3a2-0000-7000-8000-000000000002',
  title: 'Manual: "K40"',
  page: 3,
  quote: 'E14 means overload.',
};

const parse = (changes: Partial<TestCaseInput>) =>
  testCaseSchema.safeParse({ key: 'a', question: 'a', assertions: [{ type: 'answers' }], ...changes }).success;

describe('suite files', () => {
  it.each(suiteFormats)('come back from %s as they were', (format) => {
    fc.assert(
      fc.property(
        fc.uniqueArray(
          fc.string({ minLength: 1, maxLength: 60 }).filter((text) => text.trim() !== ''),
          {
            minLength: 1,
            maxLength: 8,
            selector: (text) => makeCaseKey(text.trim()),
          },
        ),
        fc.boolean(),
        (questions, isMustPass) => {
          const cases = questions.map((question) =>
            testCaseSchema.parse({ ...CASE, key: makeCaseKey(question.trim()), question, isMustPass, source: SOURCE }),
          );
          const text = writeSuiteFile({ name: 'Suite: "a"', description: '# no comment', cases }, format);
          expect(parseSuiteFile(text)).toEqual({
            name: 'Suite: "a"',
            description: '# no comment',
            cases,
            problems: [],
          });
        },
      ),
      { numRuns: 40 },
    );
  });

  it('reads the common fields of promptfoo, and says what it cannot read', () => {
    const { cases, problems } = parseSuiteFile(`
description: Manual
prompts: ['{{question}}']
defaultTest:
  assert:
    - type: not-icontains
      value: as an AI
tests:
  - vars: { question: What does E14 mean? }
    metadata: { intent: error codes }
    assert:
      - { type: icontains, value: overload }
      - { type: latency, threshold: 5000 }
  - vars: { query: Say it in JSON, context: 'A passage.' }
    assert: [{ type: is-json, value: { type: object } }]
  - vars: { question: Judge me }
    assert: [{ type: llm-rubric, value: is polite }]
  - vars: { question: Off limits }
    assert: [{ type: is-refusal }]
`);
    expect(cases.map(({ question, mode }) => [question, mode])).toEqual([
      ['What does E14 mean?', 'retrieval'],
      ['Say it in JSON', 'context'],
      ['Off limits', 'retrieval'],
    ]);
    expect(cases[0]).toMatchObject({
      tags: ['intent: error codes'],
      assertions: [
        { type: 'forbids', values: ['as an AI'] },
        { type: 'contains', values: ['overload'] },
        { type: 'latency', maxMs: 5000 },
      ],
    });
    expect(problems).toEqual([expect.stringMatching(/^case 3: llm-rubric .* write it as rubric, with labels$/)]);
  });

  it.each([
    ['nothing', ''],
    ['prose', 'just words'],
    ['broken YAML', 'cases: [unclosed'],
    ['a broken line', '{"question": "a"}\n{"question": '],
    ['no assertions', 'cases:\n  - question: a'],
    [
      'a bomb of aliases',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
        .split('')
        .map((name, i) => `${name}: &${name} [${Array.from({ length: 9 }, () => `*${'abcdefgh'[i]}`).join(',')}]`)
        .join('\n')}`,
    ],
    ['a key twice', 'cases:\n  - {key: a, question: a, assertions: []}'],
  ])('refuse %s in words', (_what, text) => {
    expect(() => parseSuiteFile(text)).toThrow(expect.objectContaining({ code: 'input.invalid' }));
  });

  it('refuse cases that contradict themselves', () => {
    expect(parse({})).toBe(true);
    expect(parse({ mode: 'context' })).toBe(false);
    expect(parse({ mode: 'score' })).toBe(false);
    expect(parse({ assertions: [] })).toBe(false);
    expect(parse({ weight: 0 })).toBe(false);
    expect(parse({ key: 'Not a key' })).toBe(false);
  });
});
