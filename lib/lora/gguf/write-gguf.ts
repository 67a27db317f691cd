import { writeWholeFile } from '../files/write-whole-file.ts';
import type { GgmlType } from './ggml-types.ts';

/** A metadata value with the width it takes in the file; plain strings and booleans need none. */
export type GgufMetadataInput =
  | string
  | boolean
  | { readonly uint32: number }
  | { readonly float32: number }
  | { readonly uint64: bigint }
  | { readonly strings: readonly string[] }
  | { readonly float32s: readonly number[] }
  | { readonly int32s: readonly number[] }
  /** A value of another file as it stands there, its type number first. */
  | { readonly verbatim: Uint8Array };

export interface GgufTensorInput {
  readonly name: string;
  /** ggml order: first dimension contiguous. */
  readonly shape: readonly number[];
  readonly type: GgmlType;
  /** The tensor's bytes in order, in as many pieces as suit; asked for once, when it is this tensor's turn. */
  readonly pieces: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

const ALIGNMENT = 32;

function encodeString(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([length, bytes]);
}

function encodeUint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function encodeUint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

function encodeFloat32s(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => bytes.writeFloatLE(value, i * 4));
  return bytes;
}

function encodeInt32s(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => bytes.writeInt32LE(value, i * 4));
  return bytes;
}

/** Numbers of the value types: uint32 4, int32 5, float32 6, bool 7, string 8, array 9, uint64 10. */
function encodeValue(value: GgufMetadataInput): Buffer {
  const array = (kind: number, length: number, body: Buffer) =>
    Buffer.concat([encodeUint32(9), encodeUint32(kind), encodeUint64(BigInt(length)), body]);
  if (typeof value === 'string') return Buffer.concat([encodeUint32(8), encodeString(value)]);
  if (typeof value === 'boolean') return Buffer.concat([encodeUint32(7), Buffer.from([value ? 1 : 0])]);
  if ('verbatim' in value) return Buffer.from(value.verbatim);
  if ('uint32' in value) return Buffer.concat([encodeUint32(4), encodeUint32(value.uint32)]);
  if ('float32' in value) return Buffer.concat([encodeUint32(6), encodeFloat32s([value.float32])]);
  if ('uint64' in value) return Buffer.concat([encodeUint32(10), encodeUint64(value.uint64)]);
  if ('strings' in value) return array(8, value.strings.length, Buffer.concat(value.strings.map(encodeString)));
  if ('float32s' in value) return array(6, value.float32s.length, encodeFloat32s(value.float32s));
  return array(5, value.int32s.length, encodeInt32s(value.int32s));
}

const padTo = (offset: number) => Math.ceil(offset / ALIGNMENT) * ALIGNMENT - offset;

/** Bytes of a tensor's data. */
export function countBytes(tensor: Pick<GgufTensorInput, 'shape' | 'type'>): number {
  return (tensor.shape.reduce((product, size) => product * size, 1) / tensor.type.blockValues) * tensor.type.blockBytes;
}

/**
 * Write a GGUF file (version 3, alignment 32). The file appears under `path` only when it is whole and on disk.
 * @throws RangeError when a tensor's pieces do not have the number of bytes that its shape and type say
 */
export async function writeGguf(
  path: string,
  metadata: ReadonlyMap<string, GgufMetadataInput>,
  tensors: readonly GgufTensorInput[],
): Promise<void> {
  let dataOffset = 0;
  const infos = tensors.map((tensor) => {
    const info = Buffer.concat([
      encodeString(tensor.name),
      encodeUint32(tensor.shape.length),
      ...tensor.shape.map((size) => encodeUint64(BigInt(size))),
      encodeUint32(tensor.type.code),
      encodeUint64(BigInt(dataOffset)),
    ]);
    const byteLength = countBytes(tensor);
    dataOffset += byteLength + padTo(byteLength);
    return info;
  });
  const header = Buffer.concat([
    Buffer.from('GGUF'),
    encodeUint32(3),
    encodeUint64(BigInt(tensors.length)),
    encodeUint64(BigInt(metadata.size)),
    ...[...metadata].map(([key, value]) => Buffer.concat([encodeString(key), encodeValue(value)])),
    ...infos,
  ]);

  await writeWholeFile(path, async (handle) => {
    await handle.appendFile(header);
    await handle.appendFile(Buffer.alloc(padTo(header.length)));
    for (const tensor of tensors) {
      let written = 0;
      for await (const piece of tensor.pieces()) {
        await handle.appendFile(piece);
        written += piece.byteLength;
      }
      const expected = countBytes(tensor);
      if (written !== expected)
        throw new RangeError(`tensor ${tensor.name} gave ${written} bytes; its shape and type take ${expected}`);
      await handle.appendFile(Buffer.alloc(padTo(written)));
    }
  });
}
