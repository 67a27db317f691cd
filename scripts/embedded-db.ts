/**
 * The embedded database as a process: `node scripts/embedded-db.ts`. Prints one line when clients may connect, ends cleanly
 * on SIGTERM and SIGINT, and exits with 1 when it cannot start or its engine dies.
 */
import process from 'node:process';
import { startEmbeddedServer } from '#db/embedded/embedded-server.ts';
import { describeDataDir } from '#lib/config/data-dir.ts';
import { loadEnv } from '#lib/config/env.ts';
import { exitWithParent } from '#lib/config/exit-with-parent.ts';
import { AppError } from '#lib/domain/errors.ts';

/** A second signal, or a shutdown that takes longer, ends the process at once; the write-ahead log then does its work. */
const SHUTDOWN_LIMIT_MS = 3_000;

exitWithParent();
try {
  const { databaseDir, databaseSocketDir } = describeDataDir(loadEnv().dataDir);
  const server = await startEmbeddedServer({ databaseDir, socketDir: databaseSocketDir });
  const stop = () => {
    setTimeout(() => process.exit(1), SHUTDOWN_LIMIT_MS).unref();
    server.stop().catch(() => process.exit(1));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  console.log(`embedded-db ready on ${server.socketDir}`);
  await server.closed;
  process.exit(0);
} catch (error) {
  console.error(AppError.isInstance(error) ? `embedded-db: ${error.message}` : error);
  process.exit(1);
}
