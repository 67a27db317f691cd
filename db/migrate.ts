import path from 'node:path';
import { type MigrationMeta, readMigrationFiles } from 'drizzle-orm/migrator';
import type { Pool, PoolClient } from 'pg';
import { AppError } from '#lib/domain/errors.ts';

/** PostgreSQL 15: unique constraints with NULLS NOT DISTINCT. */
const MIN_SERVER_VERSION = 150_000;
/** Any number that no other program uses for an advisory lock in this database. */
const MIGRATION_LOCK_KEY = 7_215_004_881;
const MIGRATIONS_DIR = path.join(import.meta.dirname, 'migrations');

/**
 * Bring the database to the schema of this program: the vector extension, then every migration not yet recorded, all in one
 * transaction. Two processes that start at once take turns; the second finds nothing to do. The record is drizzle's own table
 * (`drizzle.__drizzle_migrations`).
 * @returns how many migrations were applied
 * @throws AppError `database.too-old`, `database.pgvector-missing`, `database.migration-changed`
 */
export async function migrateDatabase(pool: Pool): Promise<number> {
  const migrations = readMigrationFiles({ migrationsFolder: MIGRATIONS_DIR });
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    await client.query('BEGIN');
    const applied = await migrateInTransaction(client, migrations);
    await client.query('COMMIT');
    return applied;
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  } finally {
    client.release(failure);
  }
}

async function migrateInTransaction(client: PoolClient, migrations: readonly MigrationMeta[]): Promise<number> {
  await client.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK_KEY]);
  await requireServerVersion(client);
  await ensureVectorExtension(client);
  await client.query('CREATE SCHEMA IF NOT EXISTS drizzle');
  await client.query(
    'CREATE TABLE IF NOT EXISTS drizzle.__drizzle_migrations (id serial PRIMARY KEY, hash text NOT NULL, created_at bigint)',
  );
  const recorded = await client.query<{ hash: string; created_at: string }>(
    'SELECT hash, created_at::text FROM drizzle.__drizzle_migrations',
  );
  const hashes = new Map(recorded.rows.map((row) => [Number(row.created_at), row.hash]));
  let applied = 0;
  for (const migration of migrations) {
    const recordedHash = hashes.get(migration.folderMillis);
    if (recordedHash === migration.hash) continue;
    if (recordedHash !== undefined) {
      throw new AppError({
        code: 'database.migration-changed',
        message: `a migration that this database already has (recorded ${new Date(migration.folderMillis).toISOString()}) differs from the file in db/migrations; restore the file and put the change into a new migration`,
      });
    }
    for (const statement of migration.sql) await client.query(statement);
    await client.query('INSERT INTO drizzle.__drizzle_migrations (hash, created_at) VALUES ($1, $2)', [
      migration.hash,
      migration.folderMillis,
    ]);
    applied += 1;
  }
  return applied;
}

async function requireServerVersion(client: PoolClient): Promise<void> {
  const { rows } = await client.query<{ number: number; text: string }>(
    `SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS text`,
  );
  const version = rows[0];
  if (version !== undefined && version.number >= MIN_SERVER_VERSION) return;
  throw new AppError({
    code: 'database.too-old',
    message: `the database server is PostgreSQL ${version?.text ?? 'unknown'}, expected 15 or newer; change DATABASE_URL, or unset it for the embedded database`,
  });
}

async function ensureVectorExtension(client: PoolClient): Promise<void> {
  const { rows } = await client.query<{ installed_version: string | null }>(
    `SELECT installed_version FROM pg_available_extensions WHERE name = 'vector'`,
  );
  const extension = rows[0];
  if (extension === undefined) {
    throw new AppError({
      code: 'database.pgvector-missing',
      message:
        'the database server lacks the extension pgvector; install it there (Debian: postgresql-<version>-pgvector, else github.com/pgvector/pgvector), or unset DATABASE_URL for the embedded database',
    });
  }
  if (extension.installed_version !== null) return;
  try {
    await client.query('CREATE EXTENSION vector');
  } catch (cause) {
    throw new AppError({
      code: 'database.pgvector-missing',
      message:
        'the extension pgvector is installed on the server but not in this database, and this user may not create it; run CREATE EXTENSION vector once as a superuser',
      cause,
    });
  }
}
