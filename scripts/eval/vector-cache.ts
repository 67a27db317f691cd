/** Vectors of texts that an earlier evaluation embedded, on disk: comparing two rankings should not embed a collection twice. */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs';

const KEY_BYTES = 32;

export interface VectorCache {
  find(text: string): Float32Array | undefined;
  /** Appended at once: what is embedded when an evaluation is stopped is kept. */
  add(text: string, vector: Float32Array): void;
  close(): void;
}

/**
 * @param file records of SHA-256 (of the model's checksum and the text) and `dimensions` floats; made when missing. A record that
 *   was cut by a kill is left out.
 * @param modelSha256 vectors of another model are not found
 */
export function openVectorCache(file: string, modelSha256: string, dimensions: number): VectorCache {
  const vectors = new Map<string, Float32Array>();
  const recordBytes = KEY_BYTES + dimensions * Float32Array.BYTES_PER_ELEMENT;
  const stored = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
  const whole = stored.length - (stored.length % recordBytes);
  for (let start = 0; start < whole; start += recordBytes) {
    const bytes = Uint8Array.from(stored.subarray(start + KEY_BYTES, start + recordBytes));
    vectors.set(stored.toString('hex', start, start + KEY_BYTES), new Float32Array(bytes.buffer));
  }
  const handle = openSync(file, existsSync(file) ? 'r+' : 'w');
  let end = whole;
  const hash = (text: string) => createHash('sha256').update(modelSha256).update('\n').update(text);
  return {
    find: (text) => vectors.get(hash(text).digest('hex')),
    add(text, vector) {
      const key = hash(text).digest();
      vectors.set(key.toString('hex'), vector);
      const record = Buffer.concat([key, Buffer.from(Float32Array.from(vector).buffer)]);
      end += writeSync(handle, record, 0, record.length, end);
    },
    close: () => closeSync(handle),
  };
}
