import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '#lib/domain/errors.ts';
import { type AssertionContext, type AssertionDeps, holdsWords, type JudgeAgreement } from './assertion.ts';
import { assertionSchema, checkAssertion } from './assertion-registry.ts';
import type { CaseAnswer } from './case-answer.ts';

const SOURCE = {
  number: 1,
  documentId: 'd',
  documentTitle: 'Tarnwick K40 Manual',
  pageNumber: 12,
  text: 'E14 means compressor overload. Wait 10 minutes.',
};

function makeAnswer(ownText: string, changes: Partial<CaseAnswer> = {}): CaseAnswer {
  return {
    kind: 'generated',
    text: ownText,
    ownText,
    sources: [SOURCE],
    citations: [],
    unsupportedSpans: [],
    supportScore: 0.8,
    latencyMs: 1500,
    completionTokens: 10,
    baseSha256: null,
    adapterSha256: null,
    ...changes,
  };
}

const cite = (answer: string, quote: string) => ({
  sourceNumber: 1,
  answerStart: 0,
  answerEnd: answer.length,
  quoteStart: SOURCE.text.indexOf(quote),
  quoteEnd: SOURCE.text.indexOf(quote) + quote.length,
  quote,
  origin: 'model' as const,
});

const rememberAgreement: AssertionDeps['rememberAgreement'] = (_key, measure) => measure();

const check = (spec: object, answer: CaseAnswer | null, changes: Partial<AssertionContext> = {}) =>
  checkAssertion(assertionSchema.parse(spec), {
    answer,
    question: 'What does E14 mean?',
    model: 'adapter',
    deps: {
      rememberAgreement,
      embedTexts: (texts) => Promise.resolve(texts.map((text) => Float32Array.of(text.length > 5 ? 1 : 0, 0))),
      scoreContinuation: (model, _prefix, text) => Promise.resolve([model === 'base' ? -1 : -1.4, -text.length / 100]),
    },
    ...changes,
  });

const state = async (...call: Parameters<typeof check>) => (await check(...call)).state;

const fail = () => Promise.reject(new AppError({ code: 'runtime.no-embedding-model', message: 'none' }));

const nan = () => Promise.resolve([Number.NaN, Number.NaN]);

const busy = () => Promise.reject(new AppError({ code: 'runtime.busy', message: 'busy', isRetryable: true }));

const isPolite = (prefix: string) => prefix.includes('Please');

/** Says yes to what it is told to like. */
const judgeBy = (likes: (prefix: string) => boolean, asked: string[] = []): AssertionDeps => ({
  rememberAgreement,
  embedTexts: fail,
  scoreContinuation: (model, prefix, word) => {
    asked.push(model);
    return Promise.resolve([likes(prefix) === (word === ' Yes') ? -0.1 : -2]);
  },
});

describe('assertions', () => {
  it.each([
    [{ type: 'equals', value: '10 minutes' }, '10  Minutes.', 'passed'],
    [{ type: 'equals', value: '10 minutes' }, 'About 10 minutes', 'failed'],
    [{ type: 'contains', values: ['10 minutes', 'overload'] }, 'Compressor overload: wait 10 minutes', 'passed'],
    [{ type: 'contains', values: ['10 minutes', 'overload'] }, 'Wait 10 minutes', 'failed'],
    [{ type: 'contains', values: ['4'] }, 'It weighs 14 kg or 4.5 lb', 'failed'],
    [{ type: 'contains', values: ['15,000 rpm'] }, 'Up to 15,000 rpm.', 'passed'],
    [{ type: 'contains-any', values: ['ten', '10'] }, 'Ten minutes', 'passed'],
    [{ type: 'forbids', values: ['sesame'] }, 'Open Sesame!', 'failed'],
    [{ type: 'forbids', values: ['sesame'] }, 'Open the lid', 'passed'],
    [{ type: 'matches', pattern: '^E\\d{2}$' }, 'e14', 'passed'],
    [{ type: 'matches', pattern: 'E\\d', isForbidden: true }, 'E14', 'failed'],
    [{ type: 'json-schema', schema: { type: 'object', required: ['a'] } }, '```json\n{"a": 1}\n```', 'passed'],
    [{ type: 'json-schema', schema: { type: 'object', required: ['a'] } }, '{"b": 1}', 'failed'],
    [{ type: 'json-schema', schema: {} }, 'no', 'failed'],
    [{ type: 'length', minWords: 2, maxWords: 3 }, 'one two three', 'passed'],
    [{ type: 'length', maxWords: 3 }, 'one two three four', 'failed'],
    [{ type: 'length' }, '', 'failed'],
    [{ type: 'latency', maxMs: 1000 }, 'x', 'failed'],
    [{ type: 'latency', maxMs: 2000 }, 'x', 'passed'],
    [{ type: 'refuses' }, 'I cannot tell from the sources.', 'passed'],
    [{ type: 'refuses' }, 'Wait 10 minutes.', 'failed'],
    [{ type: 'answers' }, 'Wait 10 minutes.', 'passed'],
    [{ type: 'answers' }, 'Sorry, I can’t help with that.', 'failed'],
    [{ type: 'answers' }, '', 'failed'],
    [{ type: 'language', value: 'en' }, 'Wait ten minutes and then switch the device on again.', 'passed'],
    [{ type: 'language', value: 'en' }, 'Warten Sie zehn Minuten und schalten Sie das Gerät wieder ein.', 'failed'],
    [{ type: 'language', value: 'en' }, 'E14', 'errored'],
    [{ type: 'similar', value: 'long enough' }, 'also long enough', 'passed'],
    [{ type: 'similar', value: 'long enough' }, 'no', 'failed'],
  ] as const)('%j of “%s” is %s', async (spec, text, expected) => {
    expect(await state(spec, makeAnswer(text))).toBe(expected);
  });

  it('checks citations against the passages, and the words against marks', async () => {
    const text = 'Compressor overload.';
    const citations = [cite(text, 'compressor overload')];
    expect(await state({ type: 'citation-valid' }, makeAnswer(text, { citations }))).toBe('passed');
    expect(await state({ type: 'citation-valid' }, makeAnswer(text))).toBe('failed');
    const moved = citations.map((citation) => ({ ...citation, quoteStart: citation.quoteStart + 1 }));
    expect(await state({ type: 'citation-valid' }, makeAnswer(text, { citations: moved }))).toBe('failed');
    const unsupportedSpans = [{ answerStart: 0, answerEnd: 10, kind: 'name' as const }];
    expect(await state({ type: 'citation-valid' }, makeAnswer(text, { citations, unsupportedSpans }))).toBe('failed');
    // The product's own quotation under the answer is no merit of the model.
    const quoted = makeAnswer('', { text, citations });
    expect(await state({ type: 'citation-valid' }, quoted)).toBe('failed');
    expect(await state({ type: 'cites-document', title: 'k40 manual', page: 12 }, quoted)).toBe('passed');
    expect(await state({ type: 'cites-document', title: 'k40 manual', page: 3 }, quoted)).toBe('failed');
    expect(await state({ type: 'refuses' }, makeAnswer('', { kind: 'refusal', text: 'I found nothing' }))).toBe(
      'passed',
    );
  });

  it('looks at the model’s own words unless told otherwise', async () => {
    const answer = makeAnswer('No idea', { text: 'No idea\n\n> Wait 10 minutes.' });
    expect(await state({ type: 'contains', values: ['10 minutes'] }, answer)).toBe('failed');
    expect(await state({ type: 'contains', values: ['10 minutes'], scope: 'all' }, answer)).toBe('passed');
  });

  it('compares likelihoods with the base and among choices', async () => {
    expect(await state({ type: 'likelihood', text: 'x', maxLoss: 0.1 }, null)).toBe('failed');
    expect(await state({ type: 'likelihood', text: 'x', maxLoss: 0.3 }, null)).toBe('passed');
    expect(await state({ type: 'prefers', choices: ['a', 'bbbbbbbbbb'], correct: 0 }, null)).toBe('passed');
    expect(await state({ type: 'prefers', choices: ['a', 'bbbbbbbbbb'], correct: 1 }, null)).toBe('failed');
  });

  it('never passes what it could not compute', async () => {
    const deps = { rememberAgreement, embedTexts: fail, scoreContinuation: nan };
    expect(await state({ type: 'similar', value: 'x' }, makeAnswer('text'), { deps })).toBe('errored');
    expect(await state({ type: 'prefers', choices: ['a', 'b'], correct: 0 }, null, { deps })).toBe('errored');
    expect(await state({ type: 'likelihood', text: 'x', maxLoss: 20 }, null, { deps })).not.toBe('passed');
    expect(await state({ type: 'contains', values: ['x'] }, null)).toBe('errored');
    const zero = { ...deps, embedTexts: () => Promise.resolve([Float32Array.of(Number.NaN), Float32Array.of(1)]) };
    expect(await check({ type: 'similar', value: 'x' }, makeAnswer('text'), { deps: zero })).toMatchObject({
      state: 'failed',
      score: 0,
    });
  });

  describe('rubric', () => {
    const polite = Array.from({ length: 12 }, (_, i) => ({ answer: `Please try step ${i}.`, isMet: true }));
    const rude = Array.from({ length: 12 }, (_, i) => ({ answer: `Read page ${i} yourself.`, isMet: false }));
    const spec = { type: 'rubric', criterion: 'The answer is polite.', labels: [...polite, ...rude] };
    it('counts a judge that agrees with people, and asks the base whatever is judged', async () => {
      const asked: string[] = [];
      const deps = judgeBy(isPolite, asked);
      expect(await check(spec, makeAnswer('Please wait.'), { deps })).toMatchObject({ state: 'passed', score: 1 });
      expect(await check(spec, makeAnswer('Wait.'), { deps })).toMatchObject({
        state: 'failed',
        reason: expect.stringContaining('24 of 24 labelled answers (κ 1.00'),
      });
      expect(new Set(asked)).toEqual(new Set(['base']));
    });

    it.each([
      ['always says yes', () => true, 'κ 0.00'],
      ['says the contrary', (prefix: string) => !isPolite(prefix), 'κ -1.00'],
      ['is right on most', (prefix: string) => isPolite(prefix) || /page (0|1|2|3|4)\b/.test(prefix), 'κ 0.58'],
    ] as const)('errors for a judge that %s', async (_what, likes, kappa) => {
      expect(await check(spec, makeAnswer('Please wait.'), { deps: judgeBy(likes) })).toMatchObject({
        state: 'errored',
        score: null,
        reason: expect.stringMatching(new RegExp(`${kappa}.*does not count`)),
      });
    });

    it('errors for a judge whose likelihoods are no numbers', async () => {
      const deps = { rememberAgreement, embedTexts: fail, scoreContinuation: nan };
      expect(await state(spec, makeAnswer('Please wait.'), { deps })).toBe('errored');
    });

    it('measures the judge once in a run', async () => {
      const known = new Map<string, JudgeAgreement>();
      const asked: string[] = [];
      const deps: AssertionDeps = {
        ...judgeBy(isPolite, asked),
        async rememberAgreement(key, measure) {
          const agreement = known.get(key) ?? (await measure());
          known.set(key, agreement);
          return agreement;
        },
      };
      await check(spec, makeAnswer('Please wait.'), { deps });
      const first = asked.length;
      await check(spec, makeAnswer('Please stay.'), { deps });
      expect([first, asked.length - first]).toEqual([2 * 24 + 2, 2]);
    });

    it('wants enough labelled answers of either kind', () => {
      const isFine = (labels: object[]) => assertionSchema.safeParse({ ...spec, labels }).success;
      expect(isFine(spec.labels)).toBe(true);
      expect(isFine(spec.labels.slice(0, 16))).toBe(false);
      expect(isFine([...polite, ...polite.slice(0, 8), ...rude.slice(0, 4)])).toBe(false);
    });
  });

  it('hands on what the runtime says of itself', async () => {
    await expect(
      check({ type: 'similar', value: 'x' }, makeAnswer('text'), {
        deps: { rememberAgreement, embedTexts: busy, scoreContinuation: busy },
      }),
    ).rejects.toMatchObject({ code: 'runtime.busy' });
  });

  it('matches in time what would keep a backtracking engine busy for years, and refuses what RE2 does not know', async () => {
    const text = 'a'.repeat(50_000);
    expect(await state({ type: 'matches', pattern: '(a+)+$b' }, makeAnswer(text))).toBe('failed');
    expect(assertionSchema.safeParse({ type: 'matches', pattern: '(?=a)b' }).success).toBe(false);
    expect(assertionSchema.safeParse({ type: 'matches', pattern: '(' }).success).toBe(false);
  });
});

describe('holdsWords', () => {
  it('finds a word wherever it stands by itself, and nowhere inside another', () => {
    const word = fc.stringMatching(/^[a-z]{2,6}$/);
    fc.assert(
      fc.property(word, word, word, (before, needle, after) => {
        expect(holdsWords(`${before} ${needle}, ${after}`, needle)).toBe(true);
        expect(holdsWords(`${before}x${needle}x${after}`, `x${needle}`)).toBe(false);
      }),
    );
  });
});
