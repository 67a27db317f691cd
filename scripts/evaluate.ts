/**
 * `npm run evaluate -- --workspace … --adapter … --suite …`: the product's own evaluation from a pipeline. The run is that of
 * the pages: the worker performs it, its report is on the evaluation page, and its decision carries a promotion.
 * Exit codes: 0 the gate passes it, 1 it fails, 2 inconclusive, 3 anything else.
 */
import { writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { HEARTBEAT_INTERVAL_MS, readSilenceMs } from '#db/repositories/process-heartbeats.ts';
import { findRun } from '#db/repositories/runs.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { AppError, invalidInput } from '#lib/domain/errors.ts';
import { exportReport, type ReportFormat } from '#lib/evaluation/export-report.ts';
import { type EvaluationReport, readEvaluation } from '#lib/evaluation/read-evaluation.ts';
import { cancelEvaluation, startEvaluation } from '#lib/evaluation/start-evaluation.ts';
import { listSuiteSummaries } from '#lib/evaluation/suites.ts';
import { openPgBossQueue } from '#lib/jobs/pg-boss-queue.ts';
import { findVersionByReference } from '#lib/registry/find-version.ts';
import {
  findPersonAsActor,
  type ProductCommand,
  parseCount,
  parseSeed,
  printResult,
  runProductCommand,
} from './command/product-command.ts';
import { alignColumns } from './lora/command-line.ts';

interface Options {
  readonly workspace: string;
  readonly adapter: string;
  readonly suite?: readonly string[];
  readonly repeats: number;
  readonly seed: number;
  readonly alsoAlone?: true;
  readonly as?: string;
  readonly report?: string;
  readonly csv?: string;
  readonly junit?: string;
  readonly json?: true;
}

const ERROR = 3;
const EXIT_CODES = { pass: 0, fail: 1, inconclusive: 2 } as const;
const POLL_MS = 500;
/** Beats missed before nobody will take the run. */
const MISSED_BEATS = 4;

async function requireWorker({ db }: Pick<ProductCommand, 'db'>): Promise<void> {
  const silenceMs = await readSilenceMs(db, 'worker');
  if (silenceMs !== null && silenceMs <= MISSED_BEATS * HEARTBEAT_INTERVAL_MS) return;
  throw new AppError({
    code: 'worker.unavailable',
    message: 'the worker sends no sign of life',
    userMessage: 'No worker runs, so nobody would perform the evaluation. Start the product (npm start).',
  });
}

/** @throws AppError `input.invalid` for a name that no suite has, or when there is no suite at all */
async function chooseSuites(
  wanted: readonly string[] | undefined,
  suites: readonly { readonly id: string; readonly name: string }[],
): Promise<string[]> {
  if (suites.length === 0) throw invalidInput('the workspace has no suites; npm run suites -- import --shipped');
  if (wanted === undefined) return suites.map(({ id }) => id);
  return wanted.map((name) => {
    const found = suites.find((suite) => suite.name.toLowerCase() === name.trim().toLowerCase());
    if (found === undefined) {
      throw invalidInput(`no suite is called ${name}; there are ${suites.map((suite) => suite.name).join(', ')}`);
    }
    return found.id;
  });
}

async function enqueue(
  db: ProductCommand['db'],
  access: Authorized<'evaluation.run'>,
  input: Parameters<typeof startEvaluation>[2],
) {
  const queue = await openPgBossQueue({ db, role: 'send', onError: (error) => console.error(error) });
  try {
    return await startEvaluation({ db, queue }, access, input);
  } finally {
    await queue.stop();
  }
}

const percent = (share: number) => (Number.isFinite(share) ? `${(100 * share).toFixed(1)} %` : '–');

function describeReport({ summary, verdict }: EvaluationReport): string[] {
  if (verdict === null) return [`${summary.title}: finished. The base was measured, so there is nothing to decide.`];
  return [
    `${summary.title}: ${verdict.verdict.toUpperCase()}`,
    ...verdict.reasons.map(({ kind, text }) => `  ${kind === 'fine' ? '+' : kind === 'blocks' ? '!' : '?'} ${text}`),
    ...(verdict.moreCases === null ? [] : [`  About ${verdict.moreCases} more cases would likely decide.`]),
    '',
    ...alignColumns([
      ['metric', 'cases', summary.champion.name, summary.challenger.name, 'fixed', 'lost'],
      ...verdict.metrics.map(({ metric, cases, champion, challenger, fixed, regressed }) => [
        metric,
        String(cases),
        percent(champion),
        percent(challenger),
        String(fixed),
        String(regressed),
      ]),
    ]),
  ];
}

const program = new Command('evaluate')
  .description('Compare an adapter with what serves the workspace, and let the gate decide.')
  .requiredOption('--workspace <slug>')
  .requiredOption('--adapter <name>', 'its newest version; or name@number, a SHA-256 or its beginning, or base')
  .option('--suite <name...>', 'left out: all suites of the workspace')
  .option('--repeats <n>', 'how often each case is asked', parseCount, 1)
  .option('--seed <n>', 'of the answers', parseSeed, 0)
  .option('--also-alone', 'ask without sources too: shows what an adapter knows by heart')
  .option('--as <address>', 'e-mail address of the person in whose name; left out: the command line')
  .option('--report <file>', 'write everything as JSON')
  .option('--csv <file>', 'write a line a case')
  .option('--junit <file>', 'write JUnit XML, for a pipeline’s view of tests')
  .option('--json', 'print one JSON object')
  .addHelpText('after', '\nExit codes: 0 the gate passes it, 1 it fails, 2 inconclusive, 3 anything else.');

await runProductCommand(
  program,
  { unexpected: ERROR, usage: ERROR, refused: ERROR, 'no-database': ERROR },
  (root, command) => {
    const { db, people, signal, openWorkspace } = command;
    root.action(async (options: Options) => {
      const actor = options.as === undefined ? undefined : await findPersonAsActor(people, options.as);
      const { id: workspaceId, allow } = await openWorkspace(options.workspace, actor);
      const run = await allow('evaluation.run');
      const read = await allow('evaluation.read');
      const version = await findVersionByReference({ db }, await allow('adapter.read'), options.adapter);
      const suiteIds = await chooseSuites(options.suite, await listSuiteSummaries({ db }, read));
      await requireWorker({ db });
      const settings = { repeats: options.repeats, seed: options.seed, isAlsoAlone: options.alsoAlone === true };
      const started = await enqueue(db, run, { versionId: version?.id ?? null, suiteIds, settings });
      let shown = '';
      for (;;) {
        if (signal.aborted) {
          await cancelEvaluation({ db }, run, started.evaluationId);
          throw new AppError({
            code: 'evaluation.interrupted',
            message: 'interrupted',
            userMessage: 'Interrupted; the evaluation is cancelled. Its answers are kept for another one.',
          });
        }
        const row = await findRun(db, run, started.runId);
        if (row === undefined) throw new Error('the run is gone');
        if (row.state === 'succeeded') break;
        if (row.state === 'failed' || row.state === 'cancelled') {
          throw new AppError({
            code: row.errorCode ?? `evaluation.${row.state}`,
            message: row.errorMessage ?? row.state,
            userMessage: row.errorMessage ?? `The evaluation was ${row.state}.`,
          });
        }
        const progress = `${row.stage ?? row.state} ${row.progressDone}/${row.progressTotal}`;
        if (progress !== shown && process.stderr.isTTY) process.stderr.write(`\r${progress}   `);
        if (progress === shown) await requireWorker({ db });
        shown = progress;
        await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
      }
      if (process.stderr.isTTY) process.stderr.write('\r');
      const report = await readEvaluation({ db }, read, started.evaluationId);
      const files: readonly [string | undefined, ReportFormat][] = [
        [options.report, 'json'],
        [options.csv, 'csv'],
        [options.junit, 'junit'],
      ];
      for (const [file, format] of files) {
        if (file !== undefined) await writeFile(file, exportReport(report, format).text);
      }
      const { summary, verdict } = report;
      printResult(
        {
          evaluationId: summary.id,
          workspaceId,
          champion: summary.champion,
          challenger: summary.challenger,
          verdict: verdict?.verdict ?? null,
          expiresAt: summary.expiresAt?.toISOString() ?? null,
          reasons: verdict?.reasons ?? [],
          metrics: verdict?.metrics ?? [],
          moreCases: verdict?.moreCases ?? null,
        },
        describeReport(report),
        options.json === true,
      );
      if (verdict !== null) process.exitCode = EXIT_CODES[verdict.verdict];
    });
  },
);
