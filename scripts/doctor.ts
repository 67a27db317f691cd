/**
 * `npm run doctor`: every precondition of the product, how it stands here, and what to do about it. Exits with 1 when
 * something that is needed is missing; `-- --json` prints one JSON object.
 */
import { Command } from 'commander';
import { loadEnv } from '#lib/config/env.ts';
import { chooseModels } from '#lib/models/model-choice.ts';
import { runChecks } from './doctor/check.ts';
import { describeMachineChecks } from './doctor/machine-checks.ts';
import { describeServiceChecks } from './doctor/service-checks.ts';

const flags = new Command('doctor')
  .description('Check every precondition and say how to meet it.')
  .option('--json', 'print one JSON object')
  .parse()
  .opts<{ json?: true }>();

const MARKS = { ok: 'ok  ', warning: 'warn', failed: 'FAIL' } as const;

try {
  const env = loadEnv();
  const models = await chooseModels(env);
  const results = await runChecks([...describeMachineChecks(env, models), ...describeServiceChecks(env, models)]);
  const failedCount = results.filter((result) => result.status === 'failed').length;
  if (flags.json) {
    console.log(JSON.stringify({ ok: failedCount === 0, checks: results }));
  } else {
    for (const result of results) {
      console.log(`${MARKS[result.status]}  ${result.title.padEnd(18)} ${result.detail}`);
      if (result.remedy !== null) console.log(`${' '.repeat(25)}→ ${result.remedy}`);
    }
    console.log(
      failedCount === 0
        ? '\nNothing that is needed is missing.'
        : `\n${failedCount} of ${results.length} checks failed.`,
    );
  }
  process.exitCode = failedCount === 0 ? 0 : 1;
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  if (flags.json) console.log(JSON.stringify({ ok: false, error: message, checks: [] }));
  else console.error(`doctor: ${message}`);
  process.exitCode = 1;
}
