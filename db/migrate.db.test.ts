import { expect, it } from 'vitest';
import { createDatabase } from './client.ts';
import { migrateDatabase } from './migrate.ts';
import { describeDatabase } from './testing/describe-database.ts';

describeDatabase('migrateDatabase', (getDatabase) => {
  it('finds nothing to do on a migrated database', async () => {
    expect(await migrateDatabase(getDatabase().pool)).toBe(0);
  });

  it('applies everything once when two processes start at the same time', async () => {
    const { pool, address } = getDatabase();
    await pool.query('DROP SCHEMA drizzle CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public');
    const other = createDatabase(address);
    try {
      const applied = await Promise.all([migrateDatabase(pool), migrateDatabase(other.pool)]);
      expect(Math.min(...applied)).toBe(0);
      const { rows } = await pool.query<{ count: number }>('SELECT count(*) FROM drizzle.__drizzle_migrations');
      expect(rows[0]?.count).toBe(Math.max(...applied));
    } finally {
      await other.close();
    }
  });

  it('refuses a database whose migrations differ from the files', async () => {
    const { pool } = getDatabase();
    await pool.query(
      "UPDATE drizzle.__drizzle_migrations SET hash = 'other' WHERE id = (SELECT min(id) FROM drizzle.__drizzle_migrations)",
    );
    await expect(migrateDatabase(pool)).rejects.toMatchObject({ code: 'database.migration-changed' });
  });

  it('reads whole numbers as numbers, and refuses one that a number cannot hold', async () => {
    const { pool, db } = getDatabase();
    expect((await pool.query('SELECT 9007199254740991::int8 AS n')).rows).toEqual([{ n: Number.MAX_SAFE_INTEGER }]);
    expect((await db.execute('SELECT count(*) AS n FROM pg_class WHERE false')).rows).toEqual([{ n: 0 }]);
    await expect(pool.query('SELECT 9007199254740992::int8 AS n')).rejects.toMatchObject({
      code: 'database.number-too-large',
    });
  });
});
