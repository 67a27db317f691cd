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
 * pgvector's binary format: number of dimensions and a zero as int16, then float4, all big-endian. The driver sends a buffer as binary; as
 * decimal text a vector of 384 dimensions takes five times the bytes, and longer to write and to read than to store.
 * @see https://github.com/pgvector/pgvector, `vector_recv` in src/vector.c
 */
function encodeVector(value: Float32Array): Buffer {
  const bytes = Buffer.alloc(4 + 4 * value.length);
  bytes.writeInt16BE(value.length, 0);
  for (const [index, number] of value.entries()) bytes.writeFloatBE(number, 4 + 4 * index);
  return bytes;
}

/**
 * pgvector column without a fixed dimension: workspaces may use different embedding models. Rows are always filtered by
 * `index_config_id`, which fixes the model and so the dimension; an index casts to that dimension.
 */
export const embeddingVector = customType<{ data: Float32Array; driverData: string | Buffer }>({
  dataType: () => 'vector',
  toDriver: encodeVector,
  fromDriver: (value) => {
    if (typeof value !== 'string') throw new TypeError('expected a vector as text');
    const numbers = pgvector.fromSql(value);
    return Float32Array.from(Array.isArray(numbers) ? numbers : []);
  },
});
