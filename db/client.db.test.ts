import { setTimeout as wait } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { describeDatabase } from '#db/testing/describe-database.ts';
import { createDatabase } from './client.ts';

describeDatabase('the pool', (getDatabase) => {
  it('has its connections back that ended while they were held, and takes them twice without complaint', async () => {
    const { address } = getDatabase();
    const handle = createDatabase(address, { maxConnections: 1, connectTimeoutMs: 2000 });
    const { pool, db } = handle;
    try {
      const lost = await pool.connect();
      const ended = new Promise<void>((resolve) => lost.once('end', () => resolve()));
      // As when the server dies before `begin` is answered: whoever asked never gives it back.
      await lost.end();
      await ended;
      await wait(0);
      expect((await db.execute(sql`select 1 as one`)).rows).toEqual([{ one: 1 }]);
      expect(() => lost.release()).not.toThrow();
      expect(await db.transaction(async (tx) => (await tx.execute(sql`select 2 as two`)).rows)).toEqual([{ two: 2 }]);
    } finally {
      await handle.close();
    }
  });
});
