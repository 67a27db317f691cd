/** The other process of the contract suite: `node wire-contract-child.ts <task> <URL, or directory of the socket>`; reports in lines. */
import process from 'node:process';
import { PgBoss } from 'pg-boss';
import { createDatabase } from '#db/client.ts';

const OPERATIONS = 300;
const JOBS = 20;

const [task = '', address = ''] = process.argv.slice(2);
const database = createDatabase(address.startsWith('postgres') ? { databaseUrl: address } : { socketDir: address });
const { pool } = database;
const report = (line: string) => process.stdout.write(`${line}\n`);

switch (task) {
  case 'hold-transaction': {
    const client = await pool.connect();
    await client.query('BEGIN');
    await client.query("INSERT INTO entry VALUES (40, 'killed')");
    report('holding');
    setInterval(() => undefined, 60_000);
    break;
  }
  case 'hammer':
    await hammer();
    await database.close();
    break;
  case 'boss-worker':
    await workForBoss();
    break;
  default:
    throw new Error(`unknown task ${task}`);
}

/** A third each: a number, a text, and a transaction that reads its own row; every answer is checked to be this caller's. */
async function hammer(): Promise<void> {
  const me = `worker-${process.pid}`;
  const wrong: string[] = [];
  const check = async (i: number): Promise<unknown> => {
    if (i % 3 === 0) return (await pool.query<{ x: number }>('SELECT $1::int AS x', [i])).rows[0]?.x === i;
    if (i % 3 === 1) return (await pool.query<{ x: string }>('SELECT $1::text AS x', [me + i])).rows[0]?.x === me + i;
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      await client.query('INSERT INTO hammer VALUES ($1, $2, 1)', [me, i]);
      await client.query('UPDATE hammer SET n = n + 1 WHERE worker = $1 AND i = $2', [me, i]);
      const { rows } = await client.query<{ n: number }>('SELECT n FROM hammer WHERE worker = $1 AND i = $2', [me, i]);
      await client.query('COMMIT');
      return rows.length === 1 && rows[0]?.n === 2;
    } finally {
      client.release();
    }
  };
  await Promise.all(
    Array.from({ length: OPERATIONS }, async (_, i) => {
      const isRight = await check(i).catch((error: unknown) => String(error));
      if (isRight !== true) wrong.push(`${i}: ${String(isRight)}`);
    }),
  );
  report(JSON.stringify({ right: OPERATIONS - wrong.length, wrong }));
}

async function workForBoss(): Promise<void> {
  const boss = new PgBoss({ db: { executeSql: (text, values) => pool.query(text, values) } });
  boss.on('error', (error) => report(String(error)));
  await boss.start();
  await boss.createQueue('echo.number');
  const numbers: number[] = [];
  await boss.work<{ i: number }>('echo.number', { pollingIntervalSeconds: 0.5, batchSize: 5 }, async (jobs) => {
    for (const job of jobs) numbers.push(job.data.i);
    if (numbers.length === JOBS) report(JSON.stringify(numbers.sort((a, b) => a - b)));
  });
  report('working');
}
