import path from 'node:path';
import { createDatabase } from '#db/client.ts';
import { describeDataDir } from '#lib/config/data-dir.ts';
import type { Env } from '#lib/config/env.ts';
import { AppError } from '#lib/domain/errors.ts';
import { modelCatalog } from '#lib/models/catalog.ts';
import { findRoleModel, type ModelRole, roleSettings } from '#lib/models/model-choice.ts';
import { resolveModel } from '#lib/models/model-store.ts';
import { chooseNpmCommand, createNpmRegistry } from '#lib/models/npm-source.ts';
import { createRuntimeClient } from '#lib/runtime/client.ts';
import { acceptsConnections } from '../start/network.ts';
import { findTestBrowser } from '../test/browser.ts';
import { type Check, failed, ok, warning } from './check.ts';

/** Checks of what the product talks to: models, database, inference server, registry, the tests' browser. */
const DATABASE_TIMEOUT_MS = 5_000;

const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

async function checkModel(role: ModelRole, id: string, modelsDir: string) {
  const setting = roleSettings[role];
  if (role === 'base' && id === 'none') return ok(`none, as ${setting} says: answers are passages from the documents`);
  try {
    const model = await findRoleModel(role, id, (wanted) => resolveModel(wanted, modelsDir));
    return ok(`${model.id}, SHA-256 ${model.sha256.slice(0, 12)}… as it should be`);
  } catch (error) {
    if (!AppError.isInstance(error)) throw error;
    if (error.code === 'model.not-downloaded') return warning(error.message, 'npm start downloads it.');
    return error.code === 'model.checksum-mismatch'
      ? failed(error.message, `npm run models -- pull ${id}`)
      : failed(error.message, `Correct ${setting}, or unset it for the default (npm run models -- use chooses too).`);
  }
}

async function queryDatabase(env: Env, socketDir: string) {
  const database = createDatabase(env.databaseUrl === undefined ? { socketDir } : { databaseUrl: env.databaseUrl }, {
    maxConnections: 1,
    connectTimeoutMs: DATABASE_TIMEOUT_MS,
  });
  try {
    const { rows } = await database.pool.query<{ version: string; vector: string | null }>(
      `SELECT current_setting('server_version') AS version,
              (SELECT coalesce(installed_version, default_version) FROM pg_available_extensions WHERE name = 'vector') AS vector`,
    );
    return rows[0];
  } finally {
    await database.close();
  }
}

export function describeServiceChecks(
  env: Env,
  models: { readonly baseModel: string; readonly embeddingModel: string },
): readonly Check[] {
  const layout = describeDataDir(env.dataDir);
  return [
    {
      id: 'base-model',
      title: 'Base model',
      run: () => checkModel('base', models.baseModel, env.modelsDir),
    },
    {
      id: 'embedding-model',
      title: 'Embedding model',
      run: () => checkModel('embedding', models.embeddingModel, env.modelsDir),
    },
    {
      id: 'registry',
      title: 'npm registry',
      async run() {
        const source = modelCatalog[0]?.files[0]?.parts[0]?.sources[0];
        if (source?.kind !== 'npm') throw new Error('the first model of the catalog comes from npm');
        try {
          const npm = createNpmRegistry(chooseNpmCommand(process.env['npm_execpath']));
          const url = await npm.resolveTarball(source.package, source.version);
          return ok(`${new URL(url).host} answers`);
        } catch (error) {
          return warning(
            reasonOf(error),
            'Needed for first downloads only. Check the connection, HTTPS_PROXY and npm config get registry.',
          );
        }
      },
    },
    {
      id: 'database',
      title: 'Database',
      async run() {
        if (env.databaseUrl === undefined) {
          const socket = path.join(layout.databaseSocketDir, '.s.PGSQL.5432');
          if (!(await acceptsConnections(socket))) return ok('embedded; npm start starts it');
        }
        const remedy =
          env.databaseUrl === undefined
            ? `See ${path.join(layout.logsDir, 'embedded-db.log')}.`
            : 'Check DATABASE_URL, or unset it for the embedded database.';
        try {
          const found = await queryDatabase(env, layout.databaseSocketDir);
          if (found === undefined || found.vector === null) {
            return failed(
              `PostgreSQL ${found?.version ?? ''} without pgvector`,
              'Install pgvector on the server (Debian: postgresql-<version>-pgvector), or unset DATABASE_URL.',
            );
          }
          const kind = env.databaseUrl === undefined ? 'embedded PostgreSQL' : 'PostgreSQL';
          return ok(`${kind} ${found.version} with pgvector ${found.vector}`);
        } catch (error) {
          return failed(`cannot connect: ${reasonOf(error)}`, remedy);
        }
      },
    },
    {
      id: 'runtime',
      title: 'Inference server',
      async run() {
        if (env.runtimeUrl === undefined && !(await acceptsConnections(layout.runtimeSocket))) {
          return ok('our own; npm start starts it');
        }
        const client = createRuntimeClient(
          env.runtimeUrl === undefined
            ? { socketPath: layout.runtimeSocket }
            : { url: env.runtimeUrl, token: env.runtimeToken },
        );
        try {
          const status = await client.readStatus();
          const place = status.gpu === false ? `processor, ${status.threads} threads` : status.gpu;
          const detail = `${status.state}: ${status.baseModel?.id ?? 'no base model'}, ${status.embeddingModel?.id ?? 'no embedding model'}, ${place}`;
          return status.state === 'degraded'
            ? warning(`${detail}. ${status.problems.join('; ')}`, 'See the runtime log in the data directory.')
            : ok(detail);
        } catch (error) {
          return failed(
            reasonOf(error),
            env.runtimeUrl === undefined
              ? `See ${path.join(layout.logsDir, 'runtime.log')}.`
              : 'Check RUNTIME_URL and RUNTIME_TOKEN, or unset them for our own.',
          );
        } finally {
          await client.close();
        }
      },
    },
    {
      id: 'browser',
      title: 'Browser for tests',
      async run() {
        const found = await findTestBrowser();
        return 'path' in found
          ? ok(`${found.path} (${found.source})`)
          : warning(found.skipped, 'npm test installs one; or set CHROMIUM_PATH. The product itself needs none.');
      },
    },
  ];
}
