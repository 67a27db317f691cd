import { afterAll, beforeAll, describe } from 'vitest';
import { createTestDatabase, listTestBackends, type TestDatabase } from './test-database.ts';

/**
 * A suite that runs once on the embedded database and once on PostgreSQL (where TEST_DATABASE_URL names a server), each time on
 * a migrated, empty database of its own. For `*.db.test.ts`:
 *
 * ```ts
 * describeDatabase('documents', (getDatabase) => {
 *   it('keeps its workspace', async () => {
 *     const { db } = getDatabase();
 *     await db.insert(workspaces).values(…);
 *   });
 * });
 * ```
 *
 * The database is shared by the tests of the suite, so each test makes its own workspace. `getDatabase()` is for hooks and
 * tests; there is no database yet while the suite is being described.
 */
export function describeDatabase(name: string, defineTests: (getDatabase: () => TestDatabase) => void): void {
  const backends = listTestBackends();
  if (!backends.includes('postgres')) {
    process.stdout.write(`${name}: embedded database only, since TEST_DATABASE_URL is not set\n`);
  }
  describe.each(backends)(`${name} on %s`, (backend) => {
    let database: TestDatabase | undefined;
    beforeAll(async () => {
      database = await createTestDatabase(backend);
    });
    afterAll(async () => {
      await database?.close();
    });
    defineTests(() => {
      if (database === undefined) throw new Error('getDatabase() was called before the tests run');
      return database;
    });
  });
}
