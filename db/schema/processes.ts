import { pgTable, text } from 'drizzle-orm/pg-core';
import { instant } from './columns.ts';

/** Signs of life of processes that nobody can ask over a socket, such as a worker on another machine. */
export const processHeartbeats = pgTable('process_heartbeats', {
  /** `worker`. */
  name: text('name').primaryKey(),
  startedAt: instant('started_at').notNull(),
  seenAt: instant('seen_at').notNull(),
});
