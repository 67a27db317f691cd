import { sql } from 'drizzle-orm';
import { fromDrizzle, type Db as JobSql } from 'pg-boss';
import type { DatabaseExecutor } from './executor.ts';

export type { JobSql };

/** Lets the job queue run its statements on our connection, or inside the transaction that the caller opened. */
export function createJobSql(db: DatabaseExecutor): JobSql {
  return fromDrizzle(db, sql);
}
