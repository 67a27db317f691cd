import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CaseOutcome, decideGate, type SystemReport } from './decide-gate.ts';
import { DEFAULT_GATE_POLICY, gatePolicySchema } from './gate-policy.ts';

const SET_UP = { suiteRevisionIds: ['s1'], answerConfigId: 'c1', baseSha256: 'b1', repeats: 1 };

function makeCase(index: number, passed: boolean, overrides: Partial<CaseOutcome> = {}): CaseOutcome {
  return {
    caseKey: `case-${index}`,
    title: `Question ${index}`,
    area: 'grounding',
    tags: [],
    weight: 1,
    isMustPass: false,
    passes: [passed],
    isErrored: false,
    latencyMs: 1000,
    ...overrides,
  };
}

const makeReport = (cases: readonly CaseOutcome[], adapterSha256: string | null = null): SystemReport => ({
  setUp: SET_UP,
  adapterSha256,
  cases,
});

const times = (count: number | undefined, champion: boolean, challenger: boolean) =>
  Array.from({ length: count ?? 0 }, () => [champion, challenger] as const);

/** `kept` pass on both sides, `fixed` on the challenger's only, `lost` on the champion's only, `wrong` on neither. */
function makePair(counts: { kept?: number; fixed?: number; lost?: number; wrong?: number }, area = 'grounding') {
  const outcomes = [
    ...times(counts.kept, true, true),
    ...times(counts.fixed, false, true),
    ...times(counts.lost, true, false),
    ...times(counts.wrong, false, false),
  ];
  return {
    champion: makeReport(outcomes.map(([passed], index) => makeCase(index, passed, { area }))),
    challenger: makeReport(
      outcomes.map(([, passed], index) => makeCase(index, passed, { area })),
      'a1',
    ),
  };
}

const addMustPass = (report: SystemReport, passed: boolean) =>
  makeReport([...report.cases, makeCase(999, passed, { isMustPass: true, title: 'Open the lid?' })], 'a1');
const join = (a: SystemReport, b: SystemReport) =>
  makeReport([...a.cases, ...b.cases.map((each) => ({ ...each, caseKey: `r-${each.caseKey}` }))], 'a1');
const breakTen = (report: SystemReport) =>
  makeReport(report.cases.map((each, i) => (i < 10 ? { ...each, isErrored: true, passes: [] } : each)));

const decide = (pair: ReturnType<typeof makePair>, policy: Partial<typeof DEFAULT_GATE_POLICY> = {}) =>
  decideGate({ ...DEFAULT_GATE_POLICY, ...policy }, pair.champion, pair.challenger);

describe('decideGate', () => {
  it('passes what is proven to be better', () => {
    const { verdict, reasons, metrics } = decide(makePair({ kept: 60, fixed: 20, lost: 2, wrong: 18 }));
    expect(verdict).toBe('pass');
    expect(reasons.map((reason) => reason.kind)).not.toContain('blocks');
    expect(reasons.find((reason) => reason.text.startsWith('It is better'))?.text).toContain('18 %');
    expect(metrics[0]).toMatchObject({ metric: 'overall', fixed: 20, regressed: 2, champion: 0.62, challenger: 0.8 });
  });

  it('fails what is proven to be worse, in words', () => {
    const { verdict, reasons, moreCases } = decide(makePair({ kept: 60, fixed: 2, lost: 20, wrong: 18 }));
    expect(verdict).toBe('fail');
    expect(reasons[0]).toMatchObject({ kind: 'blocks', metric: 'overall' });
    expect(reasons[0]?.text).toContain('worse, and more than chance explains');
    expect(moreCases).toBeNull();
  });

  it('is inconclusive in between, and says how many more cases would decide', () => {
    const { verdict, moreCases } = decide(makePair({ kept: 60, fixed: 6, lost: 2, wrong: 12 }));
    expect(verdict).toBe('inconclusive');
    expect(moreCases).toBeGreaterThan(20);
    expect(moreCases).toBeLessThan(1000);
  });

  it('fails an adapter that changes nothing where improvement is required, and passes it where it is not', () => {
    const same = makePair({ kept: 200, wrong: 50 });
    expect(decide(same)).toMatchObject({ verdict: 'fail' });
    expect(decide(same).reasons[0]?.text).toContain('no better');
    expect(decide(same, { isImprovementRequired: false }).verdict).toBe('pass');
    // With few cases "no better" is not proven either.
    expect(decide(makePair({ kept: 30, wrong: 10 })).verdict).toBe('inconclusive');
  });

  it('blocks on a must-pass case, whatever else is better', () => {
    const pair = makePair({ kept: 60, fixed: 30 });
    const { verdict, reasons } = decide({
      champion: addMustPass(pair.champion, false),
      challenger: addMustPass(pair.challenger, false),
    });
    expect(verdict).toBe('fail');
    expect(reasons[0]?.text).toBe('The case “Open the lid?” must pass, and failed.');
  });

  it('shows a fall in one area that the others would hide', () => {
    const good = makePair({ kept: 60, fixed: 40 });
    const bad = makePair({ kept: 5, lost: 15 }, 'refusal');
    const { verdict, reasons } = decide({
      champion: join(good.champion, bad.champion),
      challenger: join(good.challenger, bad.challenger),
    });
    expect(verdict).toBe('fail');
    expect(reasons[0]).toMatchObject({ kind: 'blocks', metric: 'refusal' });
  });

  it('does not take a repeat of the same model for progress', () => {
    const repeats = { setUp: { ...SET_UP, repeats: 2 } };
    // The champion's own repeats differ by ten points; the challenger is six points better than their mean.
    const champion = Array.from({ length: 100 }, (_, i) => makeCase(i, true, { passes: [i < 60, i < 50] }));
    const challenger = Array.from({ length: 100 }, (_, i) => makeCase(i, true, { passes: [i < 61, i < 61] }));
    const { verdict, reasons } = decideGate(
      DEFAULT_GATE_POLICY,
      { ...makeReport(champion), ...repeats },
      { ...makeReport(challenger), ...repeats },
    );
    expect(verdict).toBe('inconclusive');
    expect(reasons.some((reason) => reason.text.includes('two runs of the same model'))).toBe(true);
  });

  it('blocks an adapter that cannot answer, and waits when the champion cannot', () => {
    const pair = makePair({ kept: 60, fixed: 20 });
    expect(decide({ ...pair, challenger: breakTen(pair.challenger) }).verdict).toBe('fail');
    expect(decide({ ...pair, champion: breakTen(pair.champion) }).verdict).toBe('inconclusive');
  });

  it('blocks an adapter that is far slower', () => {
    const pair = makePair({ kept: 40, fixed: 20 });
    const slow = makeReport(pair.challenger.cases.map((each) => ({ ...each, latencyMs: 4000 })));
    const { verdict, slowdown, reasons } = decide({ ...pair, challenger: slow });
    expect(verdict).toBe('fail');
    expect(slowdown?.ratio).toBeCloseTo(4, 6);
    expect(reasons[0]?.metric).toBe('latency');
  });

  it('refuses to compare what was not run alike', () => {
    const pair = makePair({ kept: 40 });
    const other = { ...pair.challenger, setUp: { ...SET_UP, suiteRevisionIds: ['s2'] } };
    expect(() => decide({ ...pair, challenger: other })).toThrow(
      expect.objectContaining({ code: 'gate.not-comparable' }),
    );
    const shorter = makeReport(pair.challenger.cases.slice(1));
    expect(() => decide({ ...pair, challenger: shorter })).toThrow(
      expect.objectContaining({ code: 'gate.not-comparable' }),
    );
    const weightless = makeReport(pair.champion.cases.map((each) => ({ ...each, weight: Number.NaN })));
    expect(() => decide({ champion: weightless, challenger: weightless })).toThrow(
      expect.objectContaining({ code: 'gate.not-comparable' }),
    );
  });

  it('asks for what the policy names and no case measures', () => {
    const policy = gatePolicySchema.parse({ metrics: [{ metric: 'privacy', minimum: 0.9 }], primaryMetric: 'overall' });
    const { verdict, reasons } = decide(makePair({ kept: 60, fixed: 20 }), policy);
    expect(verdict).toBe('inconclusive');
    expect(reasons[0]).toMatchObject({ metric: 'privacy', kind: 'undecided' });
  });
});

const outcome = fc.record({
  area: fc.constantFrom('grounding', 'refusal', 'safety'),
  tag: fc.constantFrom('tag: a', 'tag: b'),
  champion: fc.boolean(),
  challenger: fc.boolean(),
  isErrored: fc.boolean(),
  isMustPass: fc.boolean(),
});
const sample = fc.array(outcome, { minLength: 1, maxLength: 80 }).map((rows) => ({
  champion: makeReport(
    rows.map((row, i) => makeCase(i, row.champion, { area: row.area, tags: [row.tag], isMustPass: row.isMustPass })),
  ),
  challenger: makeReport(
    rows.map((row, i) =>
      makeCase(i, row.challenger, {
        area: row.area,
        tags: [row.tag],
        isMustPass: row.isMustPass,
        ...(row.isErrored ? { isErrored: true, passes: [] } : {}),
      }),
    ),
    'a1',
  ),
}));

describe('decideGate, for all reports', () => {
  it('gives the same verdict again, and in whatever order the cases come', () => {
    fc.assert(
      fc.property(sample, (pair) => {
        const first = decide(pair);
        expect(decide(pair)).toEqual(first);
        const turned = makeReport(pair.challenger.cases.toReversed(), 'a1');
        expect(decide({ ...pair, challenger: turned }).verdict).toBe(first.verdict);
      }),
      { numRuns: 40 },
    );
  });

  it('says fail exactly when something blocks, and pass only when nothing is open', () => {
    fc.assert(
      fc.property(sample, (pair) => {
        const { verdict, reasons, moreCases } = decide(pair);
        const kinds = new Set(reasons.map((reason) => reason.kind));
        expect(verdict).toBe(kinds.has('blocks') ? 'fail' : kinds.has('undecided') ? 'inconclusive' : 'pass');
        expect(verdict === 'inconclusive' || moreCases === null).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('never passes more readily when answers are missing', () => {
    fc.assert(
      fc.property(sample, fc.nat(79), (pair, index) => {
        const before = decide(pair).verdict;
        const cases = pair.challenger.cases.map((each, i) =>
          i === index ? { ...each, isErrored: true, passes: [] } : each,
        );
        const after = decide({ ...pair, challenger: makeReport(cases, 'a1') }).verdict;
        expect(before !== 'pass' && after === 'pass').toBe(false);
      }),
      { numRuns: 40 },
    );
  });

  it('never fails a case-by-case equal system for being worse', () => {
    fc.assert(
      fc.property(sample, (pair) => {
        const { reasons } = decide({ champion: pair.champion, challenger: makeReport(pair.champion.cases) });
        expect(reasons.filter((reason) => reason.text.includes('worse'))).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });
});
