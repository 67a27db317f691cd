import { open } from 'node:fs/promises';
import { z } from 'zod';
import { writeWholeFile } from '../files/write-whole-file.ts';
import { invalidAdapter } from './adapter.ts';

/**
 * The safetensors format: eight bytes with the length of a JSON header, the header, then the data without gaps.
 * @see https://github.com/huggingface/safetensors#format
 */
const bytesEach = { F32: 4, F16: 2, BF16: 2 } as const;
type StoredType = keyof typeof bytesEach;

const entrySchema = z.object({
  dtype: z.enum(['F32', 'F16', 'BF16']),
  shape: z.array(z.number().int().min(1)).min(1).max(4),
  data_offsets: z.tuple([z.number().int().min(0), z.number().int().min(0)]),
});

const metadataSchema = z.record(z.string(), z.string());

/** The format's own limit. */
const MAX_HEADER_BYTES = 100_000_000;

export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: StoredType;
  readonly shape: readonly number[];
  /** All numbers of the tensor as f32. */
  read(): Promise<Float32Array>;
}

export interface SafetensorsFile {
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  /** Free text that the file carries beside its tensors. */
  readonly metadata: ReadonlyMap<string, string>;
  close(): Promise<void>;
}

function decode(type: StoredType, bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = bytes.byteLength / bytesEach[type];
  const values = new Float32Array(count);
  const bits = new Uint32Array(values.buffer);
  for (let i = 0; i < count; i++) {
    if (type === 'BF16') bits[i] = view.getUint16(i * 2, true) << 16;
    else values[i] = type === 'F32' ? view.getFloat32(i * 4, true) : view.getFloat16(i * 2, true);
  }
  return values;
}

/**
 * Open a file of unknown origin; the header is checked against the file's size before anything else is read.
 * @throws AppError `adapter.invalid`
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const prefix = Buffer.alloc(8);
    if (size < 8) throw invalidAdapter(`the safetensors file has ${size} bytes`);
    await handle.read(prefix, 0, 8, 0);
    const headerBytes = prefix.readBigUInt64LE();
    if (headerBytes > BigInt(Math.min(size - 8, MAX_HEADER_BYTES)))
      throw invalidAdapter(`the safetensors header claims ${headerBytes} bytes of a file of ${size}`);
    const header = Buffer.alloc(Number(headerBytes));
    await handle.read(header, 0, header.length, 8);
    const dataStart = 8 + header.length;

    const entries = new Map<string, SafetensorsEntry>();
    let describedBytes = 0;
    const { __metadata__: notes = {}, ...described } = parseHeader(header);
    const metadata = metadataSchema.safeParse(notes);
    if (!metadata.success) throw invalidAdapter('the metadata of the safetensors header is no list of texts');
    for (const [name, raw] of Object.entries(described)) {
      const parsed = entrySchema.safeParse(raw);
      if (!parsed.success)
        throw invalidAdapter(`the entry ${name.slice(0, 200)} of the safetensors header is malformed`);
      const { dtype, shape, data_offsets } = parsed.data;
      const [start, end] = data_offsets;
      const expectedBytes = shape.reduce((product, length) => product * length, bytesEach[dtype]);
      if (end - start !== expectedBytes || dataStart + end > size)
        throw invalidAdapter(
          `${name} takes bytes ${start} to ${end}; its shape needs ${expectedBytes} and the file has ${size - dataStart}`,
        );
      // Entries may not share bytes: a small file could ask for any amount of memory.
      describedBytes += expectedBytes;
      if (dataStart + describedBytes > size)
        throw invalidAdapter(`its tensors take more than the ${size - dataStart} bytes of data, so they overlap`);
      entries.set(name, {
        name,
        dtype,
        shape,
        read: async () => {
          const bytes = Buffer.alloc(end - start);
          const { bytesRead } = await handle.read(bytes, 0, bytes.length, dataStart + start);
          if (bytesRead !== bytes.length)
            throw invalidAdapter(`${name} ends after ${bytesRead} of ${bytes.length} bytes`);
          return decode(dtype, bytes);
        },
      });
    }
    return { entries, metadata: new Map(Object.entries(metadata.data)), close: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function parseHeader(header: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(header.toString('utf8'));
    if (typeof value === 'object' && value !== null) return { ...value };
  } catch {
    // The message below says what is wrong.
  }
  throw invalidAdapter('the safetensors header is no JSON object');
}

/** Write tensors as F32. The file appears whole or not at all. */
export async function writeSafetensors(
  path: string,
  tensors: readonly { readonly name: string; readonly shape: readonly number[]; readonly values: Float32Array }[],
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  let offset = 0;
  const header: Record<string, unknown> = { __metadata__: { format: 'pt', ...metadata } };
  for (const { name, shape, values } of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + values.byteLength] };
    offset += values.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  // The format asks for data on a border of eight bytes; the header is padded with spaces.
  const padded = Buffer.concat([json, Buffer.alloc((8 - (json.length % 8)) % 8, ' ')]);
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(padded.length));

  await writeWholeFile(path, async (handle) => {
    await handle.appendFile(Buffer.concat([prefix, padded]));
    for (const { values } of tensors)
      await handle.appendFile(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  });
}
