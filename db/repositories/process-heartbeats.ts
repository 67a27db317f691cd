import { eq, sql } from 'drizzle-orm';
import type { DatabaseExecutor } from '../executor.ts';
import { processHeartbeats } from '../schema/processes.ts';

export type BeatingProcess = 'worker';

/** How often a process says that it lives. */
export const HEARTBEAT_INTERVAL_MS = 5000;

/** Call it at start and every `HEARTBEAT_INTERVAL_MS`. Of several workers, one alive is enough. */
export async function recordHeartbeat(db: DatabaseExecutor, name: BeatingProcess, startedAt: Date): Promise<void> {
  await db
    .insert(processHeartbeats)
    .values({ name, startedAt, seenAt: sql`now()` })
    .onConflictDoUpdate({ target: processHeartbeats.name, set: { startedAt, seenAt: sql`now()` } });
}

/** A process that ends in good order leaves at once instead of after a silence. */
export async function removeHeartbeat(db: DatabaseExecutor, name: BeatingProcess): Promise<void> {
  await db.delete(processHeartbeats).where(eq(processHeartbeats.name, name));
}

/** Milliseconds since the last sign of life, by the database's clock; null when there was none. */
export async function readSilenceMs(db: DatabaseExecutor, name: BeatingProcess): Promise<number | null> {
  const [row] = await db
    .select({ silenceMs: sql<number>`(extract(epoch from now() - ${processHeartbeats.seenAt}) * 1000)::float8` })
    .from(processHeartbeats)
    .where(eq(processHeartbeats.name, name));
  return row?.silenceMs ?? null;
}

/** One round trip; throws when the database does not answer. */
export async function pingDatabase(db: DatabaseExecutor): Promise<void> {
  await db.execute(sql`select 1`);
}
