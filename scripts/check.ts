/**
 * `npm run check`: every check that needs no model, database or browser, side by side. A check that passes says its name
 * and how long it took; one that fails says what is wrong, after all have ended.
 *
 *   --fix     let the formatter, the linter and the lockfile's repair do what they can first
 *   --static  without the unit tests, for callers that run them anyway
 */
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import PQueue from 'p-queue';
import { checkDocs } from './check/docs.ts';
import { checkLockfile, fixLockfile } from './check/lockfile.ts';
import { type CheckStep, runStep, runTool, type StepResult, toolStep } from './check/run-step.ts';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const { values: flags } = parseArgs({
  options: { fix: { type: 'boolean', default: false }, static: { type: 'boolean', default: false } },
});

/** Four times Vitest's own: here a test shares the cores with the compiler and the linter. */
const UNIT_TEST_TIMEOUT_MS = 20_000;

const sourceFolders = ['app', 'lib', 'db', 'scripts', 'e2e'].filter((folder) => existsSync(path.join(root, folder)));

/** Next writes the types of routes and of style sheets; a fresh clone has none yet. */
async function checkTypes(): Promise<string> {
  if (!existsSync(path.join(root, 'next-env.d.ts'))) {
    const problems = await runTool(root, 'next', ['typegen']);
    if (problems) return problems;
  }
  return runTool(root, 'tsc', ['-p', '.']);
}

/** The slow ones first, so that none is left alone at the end. */
const steps: readonly CheckStep[] = [
  ...(flags.static
    ? []
    : [
        toolStep('unit tests', root, 'vitest', [
          'run',
          '--project',
          'unit',
          '--reporter=dot',
          `--testTimeout=${UNIT_TEST_TIMEOUT_MS}`,
        ]),
      ]),
  { name: 'types', run: checkTypes },
  toolStep('lint', root, 'oxlint', ['--type-aware', '--deny-warnings']),
  toolStep('unused code', root, 'knip', []),
  toolStep('import direction', root, 'depcruise', ['--output-type', 'err-long', ...sourceFolders]),
  toolStep('format', root, 'biome', ['check']),
  { name: 'docs', run: () => checkDocs(root) },
  { name: 'lockfile', run: () => checkLockfile(root) },
];

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

if (flags.fix) {
  const fixes: CheckStep[] = [
    { name: 'lockfile fixes', run: () => fixLockfile(root).then(() => '') },
    toolStep('lint fixes', root, 'oxlint', ['--type-aware', '--fix', '--silent']),
    toolStep('format fixes', root, 'biome', ['check', '--write']),
  ];
  // One after the other: two of them write the same files. What they cannot repair, the checks below report.
  for (const fix of fixes) {
    const { name, durationMs } = await runStep(fix);
    console.log(`done  ${name.padEnd(17)} ${seconds(durationMs)}`);
  }
}

const startedAt = performance.now();
// More tools at once than cores only makes each of them slower, and time limits of tests are real time.
const queue = new PQueue({ concurrency: Math.max(2, os.availableParallelism()) });
const results = await Promise.all(
  steps.map((step) =>
    queue.add(async (): Promise<StepResult> => {
      const result = await runStep(step);
      console.log(`${result.problems ? 'FAIL' : 'ok  '}  ${result.name.padEnd(17)} ${seconds(result.durationMs)}`);
      return result;
    }),
  ),
);

const failures = results.filter(({ problems }) => problems !== '');
for (const { name, problems } of failures) console.log(`\n── ${name} ──\n${problems}`);
console.log(
  `${failures.length > 0 ? '\n' : ''}${results.length - failures.length} checks passed, ${failures.length} failed in ${seconds(performance.now() - startedAt)}`,
);
process.exitCode = failures.length === 0 ? 0 : 1;
