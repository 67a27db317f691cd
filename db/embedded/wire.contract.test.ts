import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { sql } from 'drizzle-orm';
import { Client, type ClientConfig, type Pool, type PoolClient } from 'pg';
import { PgBoss } from 'pg-boss';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createDatabase, type DatabaseAddress, withTransaction } from '#db/client.ts';
import {
  createEmbeddedDirectory,
  createTestDatabase,
  listTestBackends,
  type TestDatabase,
} from '#db/testing/test-database.ts';
import { startEmbeddedServer } from './embedded-server.ts';
import { encodeMessage, encodeQuery, encodeString, encodeSync } from './protocol.ts';

/** The bridge is right when PostgreSQL's driver cannot tell it from PostgreSQL. Every case of the first suite runs on both. */

const CHILD = path.join(import.meta.dirname, 'wire-contract-child.ts');

function toClientConfig(address: DatabaseAddress): ClientConfig {
  return 'databaseUrl' in address
    ? { connectionString: address.databaseUrl }
    : { host: address.socketDir, user: 'postgres', database: 'postgres' };
}

async function connect(address: DatabaseAddress, options: ClientConfig = {}): Promise<Client> {
  const client = new Client({ ...toClientConfig(address), ...options });
  client.on('error', () => undefined);
  await client.connect();
  onTestFinished(() => client.end().catch(() => undefined));
  return client;
}

async function borrow(pool: Pool): Promise<PoolClient> {
  const client = await pool.connect();
  onTestFinished(() => client.release());
  return client;
}

async function showWorkMem(client: Client): Promise<unknown> {
  return (await client.query('SHOW work_mem')).rows[0];
}

/** A process of its own with a pool of its own; see the file for what it can do. */
function startChild(task: string, address: DatabaseAddress): { child: ChildProcess; nextLine: () => Promise<string> } {
  const child = spawn(
    process.execPath,
    [CHILD, task, 'databaseUrl' in address ? address.databaseUrl : address.socketDir],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return {
    child,
    nextLine: async () => {
      const { value, done } = await lines.next();
      if (done) throw new Error(`the process for ${task} ended without a further line`);
      return value;
    },
  };
}

describe.each(listTestBackends())('the wire protocol on %s', (backend) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase(backend);
    await database.pool.query('CREATE TABLE entry (id int PRIMARY KEY, owner text NOT NULL, n int NOT NULL DEFAULT 0)');
  });
  afterAll(async () => {
    await database.close();
  });

  it('answers simple queries of several statements, and extended ones', async () => {
    const client = await connect(database.address);
    const results: unknown = await client.query('SELECT 1 AS a; SELECT 2 AS b');
    expect(results).toMatchObject([{ rows: [{ a: 1 }] }, { rows: [{ b: 2 }] }]);
    expect((await client.query('SELECT $1::int + 1 AS x, $2::text AS t', [41, 'ü'])).rows).toEqual([{ x: 42, t: 'ü' }]);
    expect((await client.query('')).rows).toEqual([]);
  });

  it('fails a transaction after an error until it is rolled back', async () => {
    const client = await connect(database.address);
    await client.query('BEGIN');
    await client.query("INSERT INTO entry VALUES (1, 'failed')");
    await expect(client.query("INSERT INTO entry VALUES (1, 'failed')")).rejects.toMatchObject({ code: '23505' });
    await expect(client.query('SELECT 1')).rejects.toMatchObject({ code: '25P02' });
    await client.query('ROLLBACK');
    expect((await client.query("SELECT FROM entry WHERE owner = 'failed'")).rowCount).toBe(0);
  });

  it('answers pipelined cycles in order, the ones after an error too', async () => {
    const { socket, read } = await connectRaw(database.address);
    const parse = encodeMessage('P', encodeString(''), encodeString('selec'), Buffer.alloc(2));
    socket.write(
      Buffer.concat([encodeQuery('SELECT 1'), parse, encodeSync(), encodeQuery('SELECT 2'), encodeQuery('SELECT 3')]),
    );
    const messages = await read((seen) => seen.filter((m) => m.type === 'Z').length === 4);
    expect(messages.map((m) => m.type).join('')).toBe('TDCZEZTDCZTDCZ');
  });

  it('answers up to a Flush before the Sync comes', async () => {
    const { socket, read } = await connectRaw(database.address);
    const parse = encodeMessage('P', encodeString(''), encodeString('SELECT generate_series(1, 5)'), Buffer.alloc(2));
    const bind = encodeMessage('B', encodeString(''), encodeString(''), Buffer.alloc(6));
    const threeRows = encodeMessage('E', encodeString(''), Buffer.from([0, 0, 0, 3]));
    socket.write(Buffer.concat([parse, bind, threeRows, encodeMessage('H')]));
    expect((await read((seen) => seen.at(-1)?.type === 's')).map((m) => m.type).join('')).toBe('12DDDs');
    // Somebody else's query waits or runs beside, and does not disturb the open portal.
    const other = database.pool.query('SELECT 9 AS n');
    socket.write(Buffer.concat([threeRows, encodeSync()]));
    expect((await read((seen) => seen.at(-1)?.type === 'Z')).map((m) => m.type).join('')).toBe('DDCZ');
    expect((await other).rows).toEqual([{ n: 9 }]);
  });

  it('passes 100 MB through', async () => {
    const client = await connect(database.address);
    const { rows } = await client.query<{ t: string }>(
      "SELECT repeat('x', 1000000) || i AS t FROM generate_series(1, 100) i",
    );
    expect(rows.length).toBe(100);
    expect(rows.at(-1)?.t.length).toBe(1_000_003);
  });

  it('keeps named statements of two clients apart, and the unnamed one of each', async () => {
    const [a, b] = [await connect(database.address), await connect(database.address)];
    for (let round = 0; round < 3; round += 1) {
      expect((await a.query({ name: 'q', text: 'SELECT $1::int AS x', values: [1] })).rows).toEqual([{ x: 1 }]);
      expect((await b.query({ name: 'q', text: 'SELECT $1::text AS y', values: ['z'] })).rows).toEqual([{ y: 'z' }]);
    }
    const [c, d] = [await connectRaw(database.address), await connectRaw(database.address)];
    for (const [raw, text] of [
      [c, 'SELECT 11'],
      [d, 'SELECT 22'],
    ] as const) {
      raw.socket.write(
        Buffer.concat([encodeMessage('P', encodeString(''), encodeString(text), Buffer.alloc(2)), encodeSync()]),
      );
      await raw.read((seen) => seen.at(-1)?.type === 'Z');
    }
    const run = Buffer.concat([
      encodeMessage('B', encodeString(''), encodeString(''), Buffer.alloc(6)),
      encodeMessage('E', encodeString(''), Buffer.alloc(4)),
      encodeSync(),
    ]);
    for (const [raw, text] of [
      [c, '11'],
      [d, '22'],
    ] as const) {
      raw.socket.write(run);
      const messages = await raw.read((seen) => seen.at(-1)?.type === 'Z');
      expect(messages.map((m) => m.type).join('')).toBe('2DCZ');
      expect(messages[1]?.body.toString('latin1')).toContain(text);
    }
  });

  it('keeps settings of two clients apart', async () => {
    const [a, b] = [await connect(database.address), await connect(database.address, { options: '-c work_mem=9MB' })];
    await a.query("SET work_mem = '8MB'");
    expect(await showWorkMem(b)).toEqual({ work_mem: '9MB' });
    expect(await showWorkMem(a)).toEqual({ work_mem: '8MB' });
    expect((await database.pool.query('SHOW work_mem')).rows).toEqual([{ work_mem: '4MB' }]);
    await a.query('BEGIN');
    await a.query("SET work_mem = '7MB'");
    await a.query('ROLLBACK');
    expect(await showWorkMem(a)).toEqual({ work_mem: '8MB' });
  });

  it('lets a client query while another is in a drizzle transaction, and shows it nothing uncommitted', async () => {
    const other = createDatabase(database.address);
    onTestFinished(() => other.close());
    let seen: Promise<unknown> | undefined;
    await withTransaction(database.db, async (tx) => {
      await tx.execute(sql`INSERT INTO entry VALUES (20, 'a')`);
      const started = Promise.withResolvers<void>();
      seen = other.pool.connect().then(async (client) => {
        try {
          const result = client.query('SELECT n FROM entry WHERE id = 20 OR id = 21');
          started.resolve();
          return (await result).rowCount;
        } finally {
          client.release();
        }
      });
      await started.promise;
      await tx.execute(sql`UPDATE entry SET n = 5 WHERE id = 20`);
    });
    // PostgreSQL answers at once (nothing committed yet), the bridge after the commit.
    expect(await seen).toSatisfy((count) => count === 0 || count === 1);
    expect((await other.pool.query('SELECT n FROM entry WHERE id = 20')).rows).toEqual([{ n: 5 }]);
  });

  it('cancels a query that waits behind another transaction, with 57014, and goes on', async () => {
    const holder = await borrow(database.pool);
    await holder.query('BEGIN; LOCK TABLE entry');
    const waiting = await connect(database.address);
    const processId: unknown = Reflect.get(waiting, 'processID');
    const secretKey: unknown = Reflect.get(waiting, 'secretKey');
    if (typeof processId !== 'number' || typeof secretKey !== 'number')
      throw new Error('pg names its key data differently');
    const outcome = waiting.query('SELECT count(*) FROM entry').catch((error: unknown) => error);
    const request = Buffer.from([0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e, ...int32(processId), ...int32(secretKey)]);
    // PostgreSQL drops a request that comes before the query waits, so it is repeated until the query ends.
    const repeat = setInterval(
      () =>
        openSocket(database.address)
          .end(request)
          .on('error', () => undefined),
      50,
    );
    expect(await outcome.finally(() => clearInterval(repeat))).toMatchObject({ code: '57014' });
    await holder.query('COMMIT');
    await vi.waitFor(async () => expect((await waiting.query('SELECT 1 AS ok')).rows).toEqual([{ ok: 1 }]));
  });

  it('ignores a cancel request with the wrong key', async () => {
    const client = await connect(database.address);
    const processId = Number(Reflect.get(client, 'processID'));
    openSocket(database.address).end(
      Buffer.from([0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e, ...int32(processId), 1, 2, 3, 4]),
    );
    expect((await client.query('SELECT 1 AS ok')).rows).toEqual([{ ok: 1 }]);
  });

  it('ends a client that idles in a transaction, with 25P03, and rolls it back', async () => {
    const client = await connect(database.address, { idle_in_transaction_session_timeout: 300 });
    const ended = once(client, 'error');
    await client.query('BEGIN');
    await client.query("INSERT INTO entry VALUES (30, 'idle')");
    const [error]: unknown[] = await ended;
    expect(error).toMatchObject({ code: '25P03' });
    expect((await database.pool.query('SELECT FROM entry WHERE id = 30')).rowCount).toBe(0);
  });

  it('rolls back a client that is killed in a transaction', async () => {
    const { child, nextLine } = startChild('hold-transaction', database.address);
    expect(await nextLine()).toBe('holding');
    child.kill('SIGKILL');
    await vi.waitFor(async () => {
      expect(
        (await database.pool.query('INSERT INTO entry VALUES (40, $1) ON CONFLICT DO NOTHING', ['next'])).rowCount,
      ).toBe(1);
    });
  });

  it.each(['garbage', 'unknown type', 'huge length'])(
    'ends a client that sends %s and serves the others',
    async (kind) => {
      const { socket } = await connectRaw(database.address);
      const bytes = {
        garbage: Buffer.from('GET / HTTP/1.1\r\n\r\n'),
        'unknown type': encodeMessage('y'),
        'huge length': Buffer.from([0x51, 0x7f, 255, 255, 255]),
      }[kind];
      socket.resume();
      socket.write(bytes ?? '');
      await once(socket, 'close');
      expect((await database.pool.query('SELECT 1 AS ok')).rows).toEqual([{ ok: 1 }]);
    },
  );

  it('gives each of two processes with four connections its own rows, 600 times', async () => {
    await database.pool.query('CREATE TABLE hammer (worker text, i int, n int, PRIMARY KEY (worker, i))');
    const children = [startChild('hammer', database.address), startChild('hammer', database.address)];
    const reports = await Promise.all(children.map(async ({ nextLine }) => JSON.parse(await nextLine()) as unknown));
    expect(reports).toEqual([
      { right: 300, wrong: [] },
      { right: 300, wrong: [] },
    ]);
    expect((await database.pool.query('SELECT count(*) FROM hammer')).rows).toEqual([{ count: 200 }]);
  });

  it('carries pg-boss from one process to another', async () => {
    const { nextLine } = startChild('boss-worker', database.address);
    expect(await nextLine()).toBe('working');
    const boss = new PgBoss({ db: { executeSql: (text, values) => database.pool.query(text, values) } });
    const problems: unknown[] = [];
    boss.on('error', (error) => problems.push(error));
    await boss.start();
    onTestFinished(() => boss.stop({ graceful: false }));
    await Promise.all(Array.from({ length: 20 }, (_, i) => boss.send('echo.number', { i })));
    const numbers: unknown = JSON.parse(await nextLine());
    expect(numbers).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(problems).toEqual([]);
  });
});

describe('the embedded server', () => {
  it('refuses what would act on the session of all clients, and goes on', async () => {
    const database = await createTestDatabase('embedded');
    onTestFinished(() => database.close());
    const { pool } = database;
    await expect(pool.query('LISTEN news')).rejects.toMatchObject({ code: '0A000' });
    await expect(pool.query('SELECT pg_advisory_lock($1)', [1])).rejects.toMatchObject({ code: '0A000' });
    await expect(pool.query('COPY workspaces FROM STDIN')).rejects.toMatchObject({ code: '0A000' });
    expect((await pool.query('SELECT 1 AS ok')).rows).toEqual([{ ok: 1 }]);
  });

  it('outlives timeouts that would end a session', async () => {
    const database = await createTestDatabase('embedded');
    onTestFinished(() => database.close());
    const client = await connect(database.address);
    await client.query('SET idle_session_timeout = 1; SET transaction_timeout = 1; SET statement_timeout = 1');
    await client.query('BEGIN; SET LOCAL idle_in_transaction_session_timeout = 1; SELECT pg_sleep(0.02)');
    expect((await client.query('SELECT pg_sleep(0.02), 1 AS ok')).rows).toMatchObject([{ ok: 1 }]);
    await client.query('COMMIT');
    expect((await database.pool.query('SELECT 1 AS ok')).rows).toEqual([{ ok: 1 }]);
  });

  it('ends with an error when the engine dies, and opens again', async () => {
    const directory = await createEmbeddedDirectory();
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const options = {
      databaseDir: path.join(directory, 'database'),
      socketDir: path.join(directory, 'run'),
      durability: 'process',
    } as const;
    const first = await startEmbeddedServer(options);
    const client = await connect({ socketDir: options.socketDir });
    await client.query('CREATE TABLE kept (i int)');
    // Nested deeper than JavaScript's stack reaches: the one kind of SQL known to kill the engine.
    const deadly = `SELECT '${'['.repeat(100_000)}'::json`;
    await expect(client.query(`SET max_stack_depth = '7MB'; ${deadly}`)).rejects.toThrow(/terminated/);
    await expect(first.closed).rejects.toThrow(/engine died/);
    const second = await startEmbeddedServer(options);
    onTestFinished(() => second.stop());
    const next = await connect({ socketDir: options.socketDir });
    expect((await next.query('SELECT * FROM kept')).rows).toEqual([]);
  });

  it('refuses another database, and an answer beyond its limit', async () => {
    const database = await createTestDatabase('embedded', { maxResponseBytes: 1_000_000 });
    onTestFinished(() => database.close());
    const { pool, address } = database;
    const lost = new Client({ ...toClientConfig(address), database: 'elsewhere' });
    await expect(lost.connect()).rejects.toMatchObject({ code: '3D000' });
    await expect(pool.query("SELECT repeat('x', 2000000)")).rejects.toMatchObject({ code: '54000' });
    expect((await pool.query('SELECT 1 AS ok')).rows).toEqual([{ ok: 1 }]);
  });

  it('refuses a second opener, and opens again after a stop', async () => {
    const directory = await createEmbeddedDirectory();
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const options = {
      databaseDir: path.join(directory, 'database'),
      socketDir: path.join(directory, 'run'),
      durability: 'process',
    } as const;
    const first = await startEmbeddedServer(options);
    await expect(startEmbeddedServer(options)).rejects.toMatchObject({ code: 'database.in-use' });
    await first.stop();
    await first.closed;
    const second = await startEmbeddedServer(options);
    await second.stop();
  });

  it('loses no acknowledged commit to kill -9, and stops within 3 s on SIGTERM', async () => {
    const directory = await createEmbeddedDirectory();
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const address = { socketDir: path.join(directory, 'run') };
    const acknowledged = new Set<number>();
    for (let round = 0; round < 2; round += 1) {
      const server = await startServerProcess(directory);
      const handle = createDatabase(address);
      const { pool } = handle;
      await pool.query('CREATE TABLE IF NOT EXISTS acknowledged (i int PRIMARY KEY)');
      let next = round * 1_000_000;
      const write = async () => {
        for (;;) {
          const i = (next += 1);
          await pool.query('INSERT INTO acknowledged VALUES ($1)', [i]);
          acknowledged.add(i);
          if (acknowledged.size === (round + 1) * 50) server.kill('SIGKILL');
        }
      };
      await Promise.allSettled([write(), write(), write()]);
      await handle.close();
    }
    const server = await startServerProcess(directory);
    const handle = createDatabase(address);
    const { pool } = handle;
    const { rows } = await pool.query<{ i: number }>('SELECT i FROM acknowledged');
    const stored = new Set(rows.map(({ i }) => i));
    expect([...acknowledged].filter((i) => !stored.has(i))).toEqual([]);
    expect(acknowledged.size).toBeGreaterThanOrEqual(100);
    await handle.close();
    const startedAt = performance.now();
    server.kill('SIGTERM');
    expect(await once(server, 'exit')).toEqual([0, null]);
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });
});

/** `scripts/embedded-db.ts` on a data directory, up to its ready line. */
async function startServerProcess(directory: string): Promise<ChildProcess> {
  const script = path.join(import.meta.dirname, '../../scripts/embedded-db.ts');
  const env = { ...process.env, LOREHOUSE_DATA_DIR: directory };
  const server = spawn(process.execPath, [script], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => {
    server.kill('SIGKILL');
  });
  await once(server.stdout, 'data');
  return server;
}

interface BackendMessage {
  readonly type: string;
  readonly body: Buffer;
}

function openSocket(address: DatabaseAddress): net.Socket {
  const directory = 'socketDir' in address ? address.socketDir : new URL(address.databaseUrl).searchParams.get('host');
  if (directory !== null) return net.connect(path.join(directory, '.s.PGSQL.5432'));
  const { hostname, port } = new URL('databaseUrl' in address ? address.databaseUrl : '');
  return net.connect(Number(port || 5432), hostname);
}

/** A connection without a driver, past its start-up. Needs a server that asks this user for no password. */
async function connectRaw(address: DatabaseAddress) {
  const socket = openSocket(address);
  onTestFinished(() => {
    socket.destroy();
  });
  let pending = Buffer.alloc(0);
  let arrived: BackendMessage[] = [];
  let wake: (() => void) | undefined;
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 5 && pending.length > pending.readInt32BE(1)) {
      const end = 1 + pending.readInt32BE(1);
      arrived.push({ type: pending.toString('latin1', 0, 1), body: pending.subarray(5, end) });
      pending = pending.subarray(end);
    }
    wake?.();
  });
  /** Messages since the last call, once they are `enough`. */
  const read = async (enough: (seen: readonly BackendMessage[]) => boolean): Promise<readonly BackendMessage[]> => {
    while (!enough(arrived)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    const messages = arrived;
    arrived = [];
    return messages;
  };
  const url = 'databaseUrl' in address ? new URL(address.databaseUrl) : null;
  const body = Buffer.concat([
    Buffer.from([0, 3, 0, 0]),
    ...['user', url?.username || 'postgres', 'database', url?.pathname.slice(1) || 'postgres'].map(encodeString),
    Buffer.from([0]),
  ]);
  socket.write(Buffer.concat([Buffer.from(int32(body.length + 4)), body]));
  await read((seen) => seen.at(-1)?.type === 'Z');
  return { socket, read };
}

function int32(value: number): number[] {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return [...bytes];
}
