import { type FileHandle, open } from 'node:fs/promises';
import { AppError } from '#lib/domain/errors.ts';
import { type GgmlType, requireGgmlType } from './ggml-types.ts';

/**
 * Reader of GGUF files (versions 2 and 3, little endian). The header is read and checked in full before anything is
 * allocated for tensors; tensors are read by range, so a file never stands in memory as a whole. Files are treated as
 * hostile: every count, length and offset is checked against the file's size first.
 * @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
export type GgufScalar = number | bigint | boolean | string;
export type GgufValue = GgufScalar | readonly GgufScalar[];

export interface GgufTensor {
  readonly name: string;
  /** ggml order: the first dimension is contiguous. A linear layer's weight is [inputs, outputs]. */
  readonly shape: readonly number[];
  readonly type: GgmlType;
  /** From the start of the file. */
  readonly byteOffset: number;
  readonly byteLength: number;
}

export interface GgufHeader {
  readonly version: number;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** Where each value stands, its type number first: from the start of the file, end exclusive. */
  readonly metadataRanges: ReadonlyMap<string, { readonly start: number; readonly end: number }>;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  readonly fileBytes: number;
}

export interface GgufFile extends GgufHeader {
  readonly path: string;
  /**
   * Bytes of one tensor, or of a part of it.
   * @param range in bytes from the tensor's start, end exclusive; default all
   */
  readTensorBytes(tensor: GgufTensor, range?: { readonly start: number; readonly end: number }): Promise<Uint8Array>;
  /** A metadata value byte for byte, its type number first, to be written into another file. Empty where there is none. */
  readMetadataBytes(key: string): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** 'GGUF' read as a little-endian number. */
const MAGIC = 0x46554747;
const DEFAULT_ALIGNMENT = 32;
/** ggml's own limit. */
const MAX_DIMENSIONS = 4;
/** ggml's own limit on tensor names is 64 bytes; metadata keys may have 65,535. */
const MAX_NAME_BYTES = 65_535;
/** Vocabularies of a quarter million tokens with merges need about 20 MiB. */
const MAX_HEADER_BYTES = 256 * 1024 * 1024;
const FIRST_READ_BYTES = 4 * 1024 * 1024;

const ValueKind = {
  uint8: 0,
  int8: 1,
  uint16: 2,
  int16: 3,
  uint32: 4,
  int32: 5,
  float32: 6,
  bool: 7,
  string: 8,
  array: 9,
  uint64: 10,
  int64: 11,
  float64: 12,
} as const;

/** Smallest number of bytes one array element of each kind can take, to refuse counts that the file cannot hold. */
const minimalBytes: Readonly<Record<number, number>> = {
  [ValueKind.uint8]: 1,
  [ValueKind.int8]: 1,
  [ValueKind.uint16]: 2,
  [ValueKind.int16]: 2,
  [ValueKind.uint32]: 4,
  [ValueKind.int32]: 4,
  [ValueKind.float32]: 4,
  [ValueKind.bool]: 1,
  [ValueKind.string]: 8,
  [ValueKind.uint64]: 8,
  [ValueKind.int64]: 8,
  [ValueKind.float64]: 8,
};

function malformed(message: string, details: Record<string, string | number> = {}): AppError {
  return new AppError({
    code: 'gguf.malformed',
    message: `not a valid GGUF file: ${message}`,
    userMessage: `This is not a valid GGUF file: ${message}.`,
    details,
  });
}

/** Thrown when the bytes read so far end inside the header; the caller reads more. */
class HeaderIncomplete extends Error {}

class Cursor {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #decoder = new TextDecoder('utf-8');
  readonly #fileBytes: number;
  offset = 0;

  constructor(bytes: Uint8Array, fileBytes: number) {
    this.#bytes = bytes;
    this.#fileBytes = fileBytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #take(byteLength: number): number {
    const start = this.offset;
    if (start + byteLength > this.#fileBytes) throw malformed(`it ends inside the header, at byte ${this.#fileBytes}`);
    if (start + byteLength > this.#bytes.byteLength) throw new HeaderIncomplete();
    this.offset += byteLength;
    return start;
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** @throws AppError when the value is no count that this file can hold */
  count(what: string, minimalBytesEach: number): number {
    const value = this.#view.getBigUint64(this.#take(8), true);
    if (value * BigInt(Math.max(minimalBytesEach, 1)) > BigInt(this.#fileBytes))
      throw malformed(`${what} is ${value}, more than ${this.#fileBytes} bytes can hold`);
    return Number(value);
  }

  uint64(what: string): number {
    const value = this.#view.getBigUint64(this.#take(8), true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed(`${what} is ${value}`);
    return Number(value);
  }

  string(what: string): string {
    const byteLength = this.count(`the length of ${what}`, 1);
    const start = this.#take(byteLength);
    return this.#decoder.decode(this.#bytes.subarray(start, start + byteLength));
  }

  scalar(kind: number, key: string): GgufScalar {
    switch (kind) {
      case ValueKind.uint8:
        return this.#view.getUint8(this.#take(1));
      case ValueKind.int8:
        return this.#view.getInt8(this.#take(1));
      case ValueKind.uint16:
        return this.#view.getUint16(this.#take(2), true);
      case ValueKind.int16:
        return this.#view.getInt16(this.#take(2), true);
      case ValueKind.uint32:
        return this.uint32();
      case ValueKind.int32:
        return this.#view.getInt32(this.#take(4), true);
      case ValueKind.float32:
        return this.#view.getFloat32(this.#take(4), true);
      case ValueKind.bool:
        return this.#view.getUint8(this.#take(1)) !== 0;
      case ValueKind.string:
        return this.string(`the value of ${key}`);
      case ValueKind.uint64:
        return this.#view.getBigUint64(this.#take(8), true);
      case ValueKind.int64:
        return this.#view.getBigInt64(this.#take(8), true);
      case ValueKind.float64:
        return this.#view.getFloat64(this.#take(8), true);
      default:
        throw malformed(`the metadata key ${key} has the unknown value type ${kind}`);
    }
  }

  value(kind: number, key: string): GgufValue {
    if (kind !== ValueKind.array) return this.scalar(kind, key);
    const elementKind = this.uint32();
    const each = minimalBytes[elementKind];
    if (each === undefined) throw malformed(`the array ${key} has the unknown element type ${elementKind}`);
    const length = this.count(`the length of the array ${key}`, each);
    const values: GgufScalar[] = [];
    for (let i = 0; i < length; i++) values.push(this.scalar(elementKind, key));
    return values;
  }
}

function readTensorInfo(cursor: Cursor): Omit<GgufTensor, 'byteLength'> {
  const name = cursor.string('a tensor name');
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) throw malformed('a tensor name is too long');
  const dimensionCount = cursor.uint32();
  if (dimensionCount < 1 || dimensionCount > MAX_DIMENSIONS)
    throw malformed(`the tensor ${name} has ${dimensionCount} dimensions; 1 to ${MAX_DIMENSIONS} are possible`);
  const shape = Array.from({ length: dimensionCount }, (_, i) => cursor.uint64(`dimension ${i} of ${name}`));
  const type = requireGgmlType(cursor.uint32(), name);
  const byteOffset = cursor.uint64(`the offset of ${name}`);
  return { name, shape, type, byteOffset };
}

/** Bytes of a tensor's data. @throws AppError when a row is no whole number of blocks */
function countTensorBytes(name: string, shape: readonly number[], type: GgmlType): number {
  const [rowValues = 0] = shape;
  if (rowValues % type.blockValues !== 0)
    throw malformed(`rows of ${name} have ${rowValues} values, no multiple of the ${type.blockValues} of ${type.name}`);
  const values = shape.reduce((product, size) => product * size, 1);
  if (shape.some((size) => size < 1) || !Number.isSafeInteger(values))
    throw malformed(`the tensor ${name} has the shape [${shape.join(', ')}]`);
  return (values / type.blockValues) * type.blockBytes;
}

function parseHeader(bytes: Uint8Array, fileBytes: number): GgufHeader {
  const cursor = new Cursor(bytes, fileBytes);
  const magic = cursor.uint32();
  if (magic !== MAGIC) throw malformed(`it begins with 0x${magic.toString(16)} instead of the letters GGUF`);
  const version = cursor.uint32();
  if (version !== 2 && version !== 3) throw malformed(`version ${version}; 2 and 3 are supported, little endian`);
  // A tensor's entry takes at least 32 bytes, a metadata entry at least 13.
  const tensorCount = cursor.count('the number of tensors', 32);
  const metadataCount = cursor.count('the number of metadata entries', 13);

  const metadata = new Map<string, GgufValue>();
  const metadataRanges = new Map<string, { start: number; end: number }>();
  for (let i = 0; i < metadataCount; i++) {
    const key = cursor.string('a metadata key');
    if (metadata.has(key)) throw malformed(`the metadata key ${key} occurs twice`);
    const start = cursor.offset;
    metadata.set(key, cursor.value(cursor.uint32(), key));
    metadataRanges.set(key, { start, end: cursor.offset });
  }
  const infos = Array.from({ length: tensorCount }, () => readTensorInfo(cursor));

  const alignment = metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT;
  if (typeof alignment !== 'number' || alignment < 1 || alignment > 65_536 || alignment % 8 !== 0)
    throw malformed(`general.alignment is ${String(alignment)}, expected a multiple of 8`);
  const dataStart = Math.ceil(cursor.offset / alignment) * alignment;

  const tensors = new Map<string, GgufTensor>();
  let tensorBytes = 0;
  for (const info of infos) {
    if (tensors.has(info.name)) throw malformed(`the tensor ${info.name} occurs twice`);
    const byteLength = countTensorBytes(info.name, info.shape, info.type);
    const byteOffset = dataStart + info.byteOffset;
    if (info.byteOffset % alignment !== 0)
      throw malformed(`the tensor ${info.name} is not aligned to ${alignment} bytes`);
    if (byteOffset + byteLength > fileBytes)
      throw malformed(`the tensor ${info.name} ends at byte ${byteOffset + byteLength}, the file at ${fileBytes}`);
    // Tensors may not share bytes: a small file could ask for any amount of memory.
    tensorBytes += byteLength;
    if (dataStart + tensorBytes > fileBytes)
      throw malformed(`its tensors take more than the ${fileBytes - dataStart} bytes of data, so they overlap`);
    tensors.set(info.name, { ...info, byteOffset, byteLength });
  }
  return { version, metadata, metadataRanges, tensors, fileBytes };
}

async function readFully(handle: FileHandle, byteOffset: number, byteLength: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(byteLength);
  let done = 0;
  while (done < byteLength) {
    const { bytesRead } = await handle.read(bytes, done, byteLength - done, byteOffset + done);
    if (bytesRead === 0) throw malformed(`it ended at byte ${byteOffset + done} while it was read`);
    done += bytesRead;
  }
  return bytes;
}

async function readHeader(handle: FileHandle, fileBytes: number): Promise<GgufHeader> {
  for (let byteLength = FIRST_READ_BYTES; ; byteLength *= 4) {
    const bytes = await readFully(handle, 0, Math.min(byteLength, fileBytes));
    try {
      return parseHeader(bytes, fileBytes);
    } catch (error) {
      if (!(error instanceof HeaderIncomplete)) throw error;
      if (byteLength >= MAX_HEADER_BYTES) throw malformed(`its header is larger than ${MAX_HEADER_BYTES} bytes`);
    }
  }
}

/**
 * Open a GGUF file and check its whole header.
 * @throws AppError `gguf.malformed`, `gguf.type-unsupported`
 */
export async function openGguf(path: string): Promise<GgufFile> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const header = await readHeader(handle, size);
    return {
      ...header,
      path,
      readTensorBytes: (tensor, range = { start: 0, end: tensor.byteLength }) => {
        if (range.start < 0 || range.end > tensor.byteLength || range.start > range.end)
          throw new RangeError(
            `bytes ${range.start} to ${range.end} of ${tensor.name}, which has ${tensor.byteLength}`,
          );
        return readFully(handle, tensor.byteOffset + range.start, range.end - range.start);
      },
      readMetadataBytes: (key) => {
        const { start, end } = header.metadataRanges.get(key) ?? { start: 0, end: 0 };
        return readFully(handle, start, end - start);
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}
