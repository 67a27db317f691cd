import { customType, timestamp, uuid } from 'drizzle-orm/pg-core';
import pgvector from 'pgvector';
import { v7 as createUuid } from 'uuid';

/** Time-ordered ids (UUID v7): new rows land at the end of the index. Never a secret: every read is authorised. */
export const id = () =>
  uuid('id')
    .primaryKey()
    .$defaultFn(() => createUuid());

export const createdAt = () => timestamp('created_at', { withTimezone: true }).notNull().defaultNow();

export const instant = (name: string) => timestamp(name, { withTimezone: true });

/**
 * pgvector column without a fixed dimension: workspaces may use different embedding models. Rows are always filtered by
 * `index_config_id`, which fixes the model and so the dimension; an index casts to that dimension.
 */
export const embeddingVector = customType<{ data: Float32Array; driverData: string }>({
  dataType: () => 'vector',
  toDriver: (value) => pgvector.toSql([...value]) ?? '',
  fromDriver: (value) => {
    const numbers = pgvector.fromSql(value);
    return Float32Array.from(Array.isArray(numbers) ? numbers : []);
  },
});
