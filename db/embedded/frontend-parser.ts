import { ProtocolViolation } from './protocol.ts';

/** One typed message of a client, header included. */
export interface FrontendMessage {
  /** One character; see {@link LENGTH_LIMITS} for those a client may send. */
  readonly type: string;
  readonly bytes: Buffer;
}

export type FrontendPacket =
  | { readonly kind: 'encryption-request' }
  | { readonly kind: 'cancel-request'; readonly processId: number; readonly secretKey: number }
  | {
      readonly kind: 'startup';
      readonly minorVersion: number;
      readonly parameters: ReadonlyMap<string, string>;
    }
  | { readonly kind: 'message'; readonly message: FrontendMessage };

const SSL_REQUEST = 80_877_103;
const GSS_ENCRYPTION_REQUEST = 80_877_104;
const CANCEL_REQUEST = 80_877_102;

/** PostgreSQL's MAX_STARTUP_PACKET_LENGTH. */
const MAX_STARTUP_BYTES = 10_000;
/** PostgreSQL's PQ_SMALL_MESSAGE_LIMIT: messages that carry names only. */
const SMALL_MESSAGE_BYTES = 30_000;
/** PostgreSQL takes 1 GiB; the embedded server's whole memory is 2 GiB, and a message is held several times. */
const LARGE_MESSAGE_BYTES = 256 * 1024 * 1024;

/** Every message that a client may send after the start-up, with the longest length field it may carry. */
const LENGTH_LIMITS: ReadonlyMap<string, number> = new Map([
  ['Q', LARGE_MESSAGE_BYTES],
  ['P', LARGE_MESSAGE_BYTES],
  ['B', LARGE_MESSAGE_BYTES],
  ['F', LARGE_MESSAGE_BYTES],
  ['d', LARGE_MESSAGE_BYTES],
  ['C', SMALL_MESSAGE_BYTES],
  ['D', SMALL_MESSAGE_BYTES],
  ['E', SMALL_MESSAGE_BYTES],
  ['H', SMALL_MESSAGE_BYTES],
  ['S', SMALL_MESSAGE_BYTES],
  ['X', SMALL_MESSAGE_BYTES],
  ['c', SMALL_MESSAGE_BYTES],
  ['f', SMALL_MESSAGE_BYTES],
]);

/**
 * Cuts the byte stream of one client into packets. How the bytes were split on the way does not matter; a declared length
 * is checked before anything is kept for it.
 */
export class FrontendParser {
  #chunks: Buffer[] = [];
  #bufferedBytes = 0;
  /** No packet can be complete before this many bytes are here. */
  #neededBytes = 4;
  #isStarted = false;

  /**
   * @returns the packets that `chunk` completed, in order
   * @throws ProtocolViolation at the first packet that no client may send; the parser is of no use afterwards
   */
  push(chunk: Buffer): FrontendPacket[] {
    this.#chunks.push(chunk);
    this.#bufferedBytes += chunk.length;
    const packets: FrontendPacket[] = [];
    if (this.#bufferedBytes < this.#neededBytes) return packets;

    let rest = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    for (;;) {
      this.#neededBytes = this.#measureNext(rest);
      if (rest.length < this.#neededBytes) break;
      const bytes = rest.subarray(0, this.#neededBytes);
      rest = rest.subarray(this.#neededBytes);
      packets.push(this.#isStarted ? readMessage(bytes) : this.#readStartupPacket(bytes));
    }
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#bufferedBytes = rest.length;
    return packets;
  }

  /** Bytes of the packet at the start of `rest`, or of its header while that is incomplete. */
  #measureNext(rest: Buffer): number {
    if (!this.#isStarted) {
      if (rest.length < 4) return 4;
      const length = rest.readInt32BE(0);
      if (length < 8 || length > MAX_STARTUP_BYTES) throw new ProtocolViolation('invalid length of startup packet');
      return length;
    }
    const type = rest.length === 0 ? undefined : rest.toString('latin1', 0, 1);
    if (type === undefined) return 5;
    const limit = LENGTH_LIMITS.get(type);
    if (limit === undefined) {
      throw new ProtocolViolation(`invalid frontend message type ${type.charCodeAt(0)}`);
    }
    if (rest.length < 5) return 5;
    const length = rest.readInt32BE(1);
    if (length < 4 || length > limit) throw new ProtocolViolation('invalid message length');
    return length + 1;
  }

  #readStartupPacket(bytes: Buffer): FrontendPacket {
    const code = bytes.readInt32BE(4);
    if (code === SSL_REQUEST || code === GSS_ENCRYPTION_REQUEST) {
      if (bytes.length !== 8) throw new ProtocolViolation('invalid length of startup packet');
      return { kind: 'encryption-request' };
    }
    if (code === CANCEL_REQUEST) {
      if (bytes.length !== 16) throw new ProtocolViolation('invalid length of cancel request');
      return { kind: 'cancel-request', processId: bytes.readInt32BE(8), secretKey: bytes.readInt32BE(12) };
    }
    const majorVersion = code >>> 16;
    if (majorVersion !== 3) {
      throw new ProtocolViolation(
        `unsupported frontend protocol ${majorVersion}.${code & 0xffff}: server supports 3.0`,
        '0A000',
      );
    }
    this.#isStarted = true;
    return { kind: 'startup', minorVersion: code & 0xffff, parameters: readStartupParameters(bytes) };
  }
}

function readMessage(bytes: Buffer): FrontendPacket {
  return { kind: 'message', message: { type: bytes.toString('latin1', 0, 1), bytes } };
}

/** Name and value pairs, each ended by a zero byte, and one more zero byte at the end. */
function readStartupParameters(bytes: Buffer): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  let offset = 8;
  while (offset < bytes.length && bytes[offset] !== 0) {
    const nameEnd = bytes.indexOf(0, offset);
    const valueEnd = nameEnd === -1 ? -1 : bytes.indexOf(0, nameEnd + 1);
    if (valueEnd === -1) break;
    parameters.set(bytes.toString('utf8', offset, nameEnd), bytes.toString('utf8', nameEnd + 1, valueEnd));
    offset = valueEnd + 1;
  }
  if (offset !== bytes.length - 1) {
    throw new ProtocolViolation('invalid startup packet layout: expected terminator as last byte');
  }
  return parameters;
}
