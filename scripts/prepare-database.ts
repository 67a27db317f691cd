/**
 * Brings the database to the schema of this program and makes the one-time set-up link while nobody has an account.
 * The last line of its output is JSON: `{"applied": 2, "setupPath": "/setup?token=…" | null}`. Run by `npm start` and, where
 * the processes run apart, by hand before them.
 */
import { createDatabase } from '#db/client.ts';
import { migrateDatabase } from '#db/migrate.ts';
import { createPeopleStore } from '#db/repositories/people.ts';
import { ensureSetupLink } from '#lib/auth/set-up.ts';
import { describeDataDir } from '#lib/config/data-dir.ts';
import { loadEnv } from '#lib/config/env.ts';
import { exitWithParent } from '#lib/config/exit-with-parent.ts';
import { AppError } from '#lib/domain/errors.ts';

exitWithParent();
const env = loadEnv();
const database = createDatabase(
  env.databaseUrl === undefined
    ? { socketDir: describeDataDir(env.dataDir).databaseSocketDir }
    : { databaseUrl: env.databaseUrl },
  { maxConnections: 1 },
);
try {
  const applied = await migrateDatabase(database.pool);
  const setupPath = await ensureSetupLink({ people: createPeopleStore(database.db) });
  console.log(JSON.stringify({ applied, setupPath }));
} catch (error) {
  console.error(AppError.isInstance(error) ? error.message : error);
  process.exitCode = 1;
} finally {
  await database.close();
}
