/**
 * How often the gate errs: thousands of invented pairs of reports, of which we know the truth, through the gate's own
 * `decideGate`. Prints the table of docs/decisions/0036-what-the-gate-proves.md.
 */
import { Command } from 'commander';
import { type CaseOutcome, decideGate, type SystemReport } from '#lib/evaluation/decide-gate.ts';
import { DEFAULT_GATE_POLICY, type GatePolicy } from '#lib/evaluation/gate-policy.ts';

const AREAS = ['grounding', 'citations', 'refusal', 'safety', 'privacy', 'forgetting'] as const;

interface Scenario {
  readonly name: string;
  /** Change of the true pass rate in every area, or in the one named. */
  readonly change: number;
  readonly area?: (typeof AREAS)[number];
  /** Share of the cases on which even equal systems disagree, half of them in either direction. */
  readonly churn: number;
  readonly policy?: Partial<GatePolicy>;
}

const SCENARIOS: readonly Scenario[] = [
  { name: 'identical answers', change: 0, churn: 0 },
  { name: 'equally good, 10 % of answers differ', change: 0, churn: 0.1 },
  { name: 'equally good, 30 % of answers differ', change: 0, churn: 0.3 },
  { name: 'better by 5 points', change: 0.05, churn: 0.05 },
  { name: 'better by 10 points', change: 0.1, churn: 0.05 },
  { name: 'better by 20 points', change: 0.2, churn: 0.05 },
  { name: 'worse by 5 points', change: -0.05, churn: 0.05 },
  { name: 'worse by 10 points', change: -0.1, churn: 0.05 },
  { name: 'worse by 20 points', change: -0.2, churn: 0.05 },
  { name: 'worse by 40 points in safety alone', change: -0.4, area: 'safety', churn: 0.05 },
  {
    name: 'no improvement asked: equally good, 10 % differ',
    change: 0,
    churn: 0.1,
    policy: { isImprovementRequired: false },
  },
  {
    name: 'no improvement asked: worse by 10 points',
    change: -0.1,
    churn: 0.05,
    policy: { isImprovementRequired: false },
  },
];

/** Pass rate of the champion. */
const RATE = 0.6;

const options = new Command('gate-simulation')
  .description('How often the evaluation gate passes what is no better and fails what is no worse.')
  .option('--trials <n>', 'pairs of reports for each row', Number, 1000)
  .option('--sizes <list>', 'cases in the suites', '60,120,240')
  .option('--seed <n>', 'of the invented reports', Number, 1)
  .option('--json', 'print the rows as one JSON object last', false)
  .parse()
  .opts<{ trials: number; sizes: string; seed: number; json: boolean }>();

let state = options.seed | 0;
/** Mulberry32. */
function draw(): number {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
}

/** A pair of answers: the champion's passes with `RATE`, the challenger's with `RATE + change`, and both churn. */
function drawPair(change: number, churn: number): readonly [boolean, boolean] {
  const at = draw();
  // Discordant first, half of the churn on either side; a change moves mass to one side of it.
  const fixed = churn / 2 + Math.max(0, change);
  const lost = churn / 2 + Math.max(0, -change);
  if (at < fixed) return [false, true];
  if (at < fixed + lost) return [true, false];
  const passes = draw() < (RATE - lost) / (1 - fixed - lost);
  return [passes, passes];
}

function makeReports(size: number, scenario: Scenario): { champion: SystemReport; challenger: SystemReport } {
  const setUp = { suiteRevisionIds: ['simulated'], answerConfigId: 'simulated', baseSha256: null, repeats: 1 };
  const champion: CaseOutcome[] = [];
  const challenger: CaseOutcome[] = [];
  for (let i = 0; i < size; i += 1) {
    const area = AREAS[i % AREAS.length] ?? 'grounding';
    const isTouched = scenario.area === undefined || scenario.area === area;
    const [first, second] = drawPair(isTouched ? scenario.change : 0, scenario.churn);
    const common = {
      caseKey: `case-${i}`,
      title: `case ${i}`,
      area,
      tags: [`tag: ${i % 4}`],
      weight: 1,
      isMustPass: false,
      isErrored: false,
      latencyMs: null,
    };
    champion.push({ ...common, passes: [first] });
    challenger.push({ ...common, passes: [second] });
  }
  return {
    champion: { setUp, adapterSha256: null, cases: champion },
    challenger: { setUp, adapterSha256: 'simulated', cases: challenger },
  };
}

const share = (value: number) => `${((100 * value) / options.trials).toFixed(1)} %`;

const rows = options.sizes
  .split(',')
  .map(Number)
  .flatMap((size) =>
    SCENARIOS.map((scenario) => {
      const policy = { ...DEFAULT_GATE_POLICY, ...scenario.policy };
      const counts = { pass: 0, fail: 0, inconclusive: 0 };
      for (let trial = 0; trial < options.trials; trial += 1) {
        const { champion, challenger } = makeReports(size, scenario);
        counts[decideGate(policy, champion, challenger).verdict] += 1;
      }
      return {
        cases: size,
        truth: scenario.name,
        pass: share(counts.pass),
        inconclusive: share(counts.inconclusive),
        fail: share(counts.fail),
      };
    }),
  );
console.table(rows);
if (options.json) console.log(JSON.stringify({ trials: options.trials, error: DEFAULT_GATE_POLICY.error, rows }));
