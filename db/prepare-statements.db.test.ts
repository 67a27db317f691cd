import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { expect, it } from 'vitest';
import { describeDatabase } from '#db/testing/describe-database.ts';

describeDatabase('statements that come again', (getDatabase) => {
  it('are prepared from the second time on, and answer the same', async () => {
    const { db } = getDatabase();
    const mark = `mark_${randomUUID().replaceAll('-', '')}`;
    const ask = (tx: typeof db | Parameters<Parameters<typeof db.transaction>[0]>[0], value: number) =>
      tx.execute<{ doubled: number }>(sql`select ${value}::integer * 2 as doubled /* ${sql.raw(mark)} */`);
    // One connection for all: each has its own.
    await db.transaction(async (tx) => {
      const countPrepared = async () => {
        const result = await tx.execute<{ count: number }>(
          sql.raw(
            `select count(*)::integer as count from pg_prepared_statements where name like '%repeated%' or statement like '%${mark}%'`,
          ),
        );
        return result.rows[0]?.count ?? 0;
      };
      const before = await countPrepared();
      expect((await ask(tx, 1)).rows).toEqual([{ doubled: 2 }]);
      expect(await countPrepared()).toBe(before);
      for (const value of [2, 3, 4, 5, 6, 7, 8]) expect((await ask(tx, value)).rows).toEqual([{ doubled: 2 * value }]);
      expect(await countPrepared()).toBe(before + 1);
    });
  });

  it('go on after an error in one of them', async () => {
    const { db } = getDatabase();
    const divide = (by: number) => db.execute<{ ratio: number }>(sql`select 12 / ${by}::integer as ratio`);
    expect((await divide(3)).rows).toEqual([{ ratio: 4 }]);
    const divisionByZero = { cause: expect.objectContaining({ code: '22012' }) };
    await expect(divide(0)).rejects.toMatchObject(divisionByZero);
    await expect(divide(0)).rejects.toMatchObject(divisionByZero);
    expect((await divide(4)).rows).toEqual([{ ratio: 3 }]);
    expect((await divide(6)).rows).toEqual([{ ratio: 2 }]);
  });
});
