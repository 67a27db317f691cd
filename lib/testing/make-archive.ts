import { crc32, deflateRawSync } from 'node:zlib';

export interface ArchiveFile {
  readonly name: string;
  readonly content: string | Uint8Array;
  /** Marked as encrypted; the bytes are not. */
  readonly isEncrypted?: boolean;
  /** What the archive claims; default the truth. */
  readonly claimedBytes?: number;
}

const LOCAL_HEADER_BYTES = 30;
const CENTRAL_HEADER_BYTES = 46;
const END_BYTES = 22;
const UTF8_NAMES = 0x0800;
const ENCRYPTED = 0x0001;
const DEFLATE = 8;

/** A ZIP archive as hostile as its files ask for. @see APPNOTE.TXT 6.3.10 */
export function makeArchive(files: readonly ArchiveFile[]): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let offset = 0;
  for (const { name, content, isEncrypted = false, claimedBytes } of files) {
    const bytes = Buffer.from(content);
    const packed = deflateRawSync(bytes);
    const nameBytes = Buffer.from(name);
    const flags = UTF8_NAMES | (isEncrypted ? ENCRYPTED : 0);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(flags, 2);
    fields.writeUInt16LE(DEFLATE, 4);
    fields.writeUInt32LE(crc32(bytes), 10);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(claimedBytes ?? bytes.length, 18);
    fields.writeUInt16LE(nameBytes.length, 22);
    const local = Buffer.concat([Buffer.from('PK\u0003\u0004', 'latin1'), fields, nameBytes, packed]);
    const central = Buffer.alloc(CENTRAL_HEADER_BYTES);
    central.write('PK\u0001\u0002', 'latin1');
    central.writeUInt16LE(20, 4);
    fields.copy(central, 6);
    central.writeUInt32LE(offset, 42);
    locals.push(local);
    centrals.push(central, nameBytes);
    offset += local.length;
  }
  const directory = Buffer.concat(centrals);
  return Buffer.concat([...locals, directory, makeEnd(files.length, directory.length, offset)]);
}

/** An archive of `count` empty files that share one header: 46 bytes and a name each. */
export function makeCrowdedArchive(count: number): Buffer {
  const local = Buffer.alloc(LOCAL_HEADER_BYTES);
  local.write('PK\u0003\u0004', 'latin1');
  const entry = Buffer.alloc(CENTRAL_HEADER_BYTES + 1, 'a');
  entry.fill(0, 0, CENTRAL_HEADER_BYTES);
  entry.write('PK\u0001\u0002', 'latin1');
  entry.writeUInt16LE(1, 28);
  const directory = Buffer.alloc(count * entry.length, entry);
  const MAX_PLAIN_ENTRIES = 0xffff;
  if (count < MAX_PLAIN_ENTRIES)
    return Buffer.concat([local, directory, makeEnd(count, directory.length, local.length)]);
  const end64 = Buffer.alloc(56);
  end64.write('PK\u0006\u0006', 'latin1');
  end64.writeBigUInt64LE(44n, 4);
  end64.writeBigUInt64LE(BigInt(count), 24);
  end64.writeBigUInt64LE(BigInt(count), 32);
  end64.writeBigUInt64LE(BigInt(directory.length), 40);
  end64.writeBigUInt64LE(BigInt(local.length), 48);
  const locator = Buffer.alloc(20);
  locator.write('PK\u0006\u0007', 'latin1');
  locator.writeBigUInt64LE(BigInt(local.length + directory.length), 8);
  locator.writeUInt32LE(1, 16);
  return Buffer.concat([local, directory, end64, locator, makeEnd(MAX_PLAIN_ENTRIES, 0xffffffff, 0xffffffff)]);
}

function makeEnd(count: number, directoryBytes: number, directoryOffset: number): Buffer {
  const end = Buffer.alloc(END_BYTES);
  end.write('PK\u0005\u0006', 'latin1');
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(directoryBytes, 12);
  end.writeUInt32LE(directoryOffset, 16);
  return end;
}
