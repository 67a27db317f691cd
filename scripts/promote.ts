/**
 * `npm run promote -- --workspace … --adapter … --reason …`: let an adapter serve that the gate has passed, or roll back. There
 * is no option that goes around the gate: an override is an act of a person with the right to it, on the adapters page.
 * Exit codes: 0 it serves, 1 the gate refuses it, 2 its evaluation was inconclusive, 3 anything else.
 */
import { Command } from 'commander';
import { listDecisionStandings } from '#db/repositories/gate.ts';
import { describeDataDir } from '#lib/config/data-dir.ts';
import { AppError, invalidInput } from '#lib/domain/errors.ts';
import { createArtifactStore } from '#lib/registry/artifact-store.ts';
import { createBaseFinder } from '#lib/registry/find-base.ts';
import { findVersionByReference } from '#lib/registry/find-version.ts';
import { promoteChampion, rollBackChampion } from '#lib/registry/promote.ts';
import { serveAdapters } from '#lib/registry/serve-adapters.ts';
import { createPreWarm } from '#lib/registry/serving-version.ts';
import { createRuntimeClient } from '#lib/runtime/client.ts';
import { findPersonAsActor, printResult, runProductCommand } from './command/product-command.ts';

interface Options {
  readonly workspace: string;
  readonly adapter: string;
  readonly reason: string;
  readonly rollBack?: true;
  readonly as?: string;
  readonly json?: true;
}

const REFUSED = 1;
const INCONCLUSIVE = 2;
const ERROR = 3;

const program = new Command('promote')
  .description('Let an adapter serve a workspace that the gate has passed.')
  .requiredOption('--workspace <slug>')
  .requiredOption('--adapter <name>', 'its newest version; or name@number, a SHA-256 or its beginning')
  .requiredOption('--reason <text>', 'stays in the history; 10 characters or more')
  .option('--roll-back', 'go back to an adapter that served before, or to base; needs no evaluation')
  .option('--as <address>', 'e-mail address of the person in whose name; left out: the command line')
  .option('--json', 'print one JSON object')
  .addHelpText(
    'after',
    '\nExit codes: 0 it serves, 1 the gate refuses it, 2 its evaluation was inconclusive, 3 anything else.',
  );

await runProductCommand(
  program,
  { unexpected: ERROR, usage: ERROR, refused: ERROR, 'no-database': ERROR },
  (root, { env, db, people, openWorkspace }) => {
    root.action(async (options: Options) => {
      const actor = options.as === undefined ? undefined : await findPersonAsActor(people, options.as);
      const { allow } = await openWorkspace(options.workspace, actor);
      const access = await allow('adapter.promote');
      const version = await findVersionByReference({ db }, await allow('adapter.read'), options.adapter);
      const layout = describeDataDir(env.dataDir);
      const client = createRuntimeClient(
        env.runtimeUrl === undefined
          ? { socketPath: layout.runtimeSocket }
          : { url: env.runtimeUrl, token: env.runtimeToken },
      );
      const artifacts = createArtifactStore(layout.adaptersDir);
      const runtime = serveAdapters(client, { artifacts, findBase: createBaseFinder(env) });
      const deps = { db, preWarm: createPreWarm(runtime) };
      const name = version === null ? 'The base' : `${version.adapterName} ${version.number}`;
      const print = (isChanged: boolean) =>
        printResult(
          { versionId: version?.id ?? null, sha256: version?.sha256 ?? null, isChanged },
          [
            isChanged
              ? `${name} serves ${options.workspace} from now on.`
              : `${name} serves ${options.workspace} already.`,
          ],
          options.json === true,
        );
      try {
        if (options.rollBack === true) {
          await rollBackChampion(deps, access, { versionId: version?.id ?? null, reason: options.reason });
        } else if (version === null) {
          throw invalidInput('the base needs no promotion; use --roll-back');
        } else {
          await promoteChampion(deps, access, { versionId: version.id, reason: options.reason });
        }
        print(true);
      } catch (error) {
        if (!AppError.isInstance(error)) throw error;
        // A pipeline that runs twice asks for what is so already.
        if (error.code === 'champion.unchanged') return print(false);
        if (error.code !== 'gate.not-passed' && error.code !== 'gate.four-eyes') throw error;
        const { code, userMessage: message } = error;
        if (options.json === true) console.log(JSON.stringify({ error: { code, message } }));
        else console.error(`promote: ${message}`);
        const [newest] = version === null ? [] : await listDecisionStandings(db, access, version.id);
        process.exitCode = newest?.decision.verdict === 'inconclusive' ? INCONCLUSIVE : REFUSED;
      } finally {
        await client.close();
      }
    });
  },
);
