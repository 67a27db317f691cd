import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { Pool, type PoolClient, type PoolConfig, types } from 'pg';
import * as schema from '#db/schema/all.ts';
import { AppError } from '#lib/domain/errors.ts';
import { prepareRepeatedStatements } from './prepare-statements.ts';

/** Typed access to every table. */
export type Database = NodePgDatabase<typeof schema>;
/** What {@link withTransaction} hands to its callback; takes the same queries as {@link Database}. */
export type Transaction = Parameters<Parameters<Database['transaction']>[0]>[0];

/** A PostgreSQL server, or the directory of the embedded server's socket. */
export type DatabaseAddress = { readonly databaseUrl: string } | { readonly socketDir: string };

export interface DatabaseOptions {
  /** Connections that one process holds at most. Default 4: embedded, they take turns anyway. */
  readonly maxConnections?: number;
  /** Told of connections that break while idle; the pool replaces them. Default: nobody. */
  readonly onConnectionLost?: (error: Error) => void;
  /** Milliseconds to wait for a free or a new connection. */
  readonly connectTimeoutMs?: number;
}

export interface DatabaseHandle {
  readonly pool: Pool;
  readonly db: Database;
  /** Waits for queries under way. Idempotent. */
  close(): Promise<void>;
}

const DEFAULT_MAX_CONNECTIONS = 4;
const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
/** A plan that was made for a small table, and the memory of statements that come no more, go with their connection. */
const MAX_CONNECTION_LIFETIME_SECONDS = 300;

/**
 * Whole numbers of 64 bits come as `number`. One beyond 2^53 - 1 is an error and never a rounded value.
 * @throws AppError `database.number-too-large`
 */
function parseInt8(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new AppError({
    code: 'database.number-too-large',
    message: `the database returned ${text}, expected a whole number up to ${Number.MAX_SAFE_INTEGER}; cast it to text or numeric in the query`,
  });
}

// For the whole process: drizzle asks the driver's own table, never the pool's. numeric and
// int8[] stay text; timestamptz is a
// Date in SQL written by hand, and what the column says in drizzle's query builder.
types.setTypeParser(types.builtins.INT8, parseInt8);

/**
 * Pool and drizzle client on either database; nothing else differs between the two. Connects on the first query.
 */
export function createDatabase(address: DatabaseAddress, options: DatabaseOptions = {}): DatabaseHandle {
  const pool = new Pool({
    ...describeAddress(address),
    max: options.maxConnections ?? DEFAULT_MAX_CONNECTIONS,
    connectionTimeoutMillis: options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
    maxLifetimeSeconds: MAX_CONNECTION_LIFETIME_SECONDS,
    application_name: 'lorehouse',
  });
  giveBackLostConnections(pool);
  // Without a listener a lost idle connection would end the process.
  pool.on('error', (error) => options.onConnectionLost?.(error));
  // A connection that breaks while in use reports to its query; this listener keeps the second report from ending the process.
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
    prepareRepeatedStatements(client);
  });
  let closing: Promise<void> | null = null;
  return {
    pool,
    db: drizzle(pool, { schema }),
    close: () => (closing ??= pool.end()),
  };
}

/**
 * A connection that ends while somebody holds it goes back to the pool by itself, and may be given back once more. drizzle (0.45)
 * gives a connection back only after `begin` has succeeded: each server that died in that moment took one from the pool for good,
 * and the fourth left the process without any.
 */
function giveBackLostConnections(pool: Pool): void {
  const connect = pool.connect.bind(pool);
  const connectSafely = async (): Promise<PoolClient> => {
    const client = await connect();
    const release = client.release.bind(client);
    let isHeld = true;
    const giveBack = (error?: Error | boolean) => {
      if (!isHeld) return;
      isHeld = false;
      client.off('end', onEnd);
      release(error);
    };
    const onEnd = () => giveBack(true);
    client.once('end', onEnd);
    client.release = giveBack;
    return client;
  };
  type Callback = (error: Error | undefined, client: PoolClient | undefined, done: (release?: unknown) => void) => void;
  Object.defineProperty(pool, 'connect', {
    // With a callback it is the pool's own, which always gives back.
    value: (callback?: Callback) => {
      if (callback === undefined) return connectSafely();
      connect(callback);
      return undefined;
    },
  });
}

function describeAddress(address: DatabaseAddress): PoolConfig {
  if ('databaseUrl' in address) return { connectionString: address.databaseUrl };
  return { host: address.socketDir, port: 5432, user: 'postgres', database: 'postgres' };
}

/**
 * Run `work` in one transaction: committed when it resolves, rolled back when it throws.
 * Keep to SQL inside. While it is open no other query runs on the embedded database, and one that waits for something else
 * longer than 15 s is rolled back there.
 */
export function withTransaction<T>(db: Database | Transaction, work: (tx: Transaction) => Promise<T>): Promise<T> {
  return db.transaction(work);
}
