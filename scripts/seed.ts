/**
 * Fills a workspace with something to try: `seed demo`. Safe to run again; the last line of its output is JSON.
 */
import { createDatabase } from '#db/client.ts';
import { describeDataDir } from '#lib/config/data-dir.ts';
import { loadEnv } from '#lib/config/env.ts';
import { exitWithParent } from '#lib/config/exit-with-parent.ts';
import { AppError } from '#lib/domain/errors.ts';
import { createBlobStore } from '#lib/ingestion/blob-store.ts';
import { openPgBossQueue } from '#lib/jobs/pg-boss-queue.ts';
import { seedDemo } from './seed/seed-demo.ts';

exitWithParent();
const [scenario, ...rest] = process.argv.slice(2);
if (scenario !== 'demo' || rest.length > 0) {
  console.error(`expected "seed demo", got ${JSON.stringify([scenario, ...rest].join(' '))}`);
  process.exit(2);
}
const env = loadEnv();
const layout = describeDataDir(env.dataDir);
const database = createDatabase(
  env.databaseUrl === undefined ? { socketDir: layout.databaseSocketDir } : { databaseUrl: env.databaseUrl },
  { maxConnections: 2 },
);
try {
  const queue = await openPgBossQueue({
    db: database.db,
    role: 'send',
    onError: (error) => console.error(error),
  });
  try {
    const result = await seedDemo({ db: database.db, blobs: createBlobStore(layout.blobsDir), queue });
    console.log(JSON.stringify(result));
  } finally {
    await queue.stop();
  }
} catch (error) {
  console.error(AppError.isInstance(error) ? error.message : error);
  process.exitCode = 1;
} finally {
  await database.close();
}
