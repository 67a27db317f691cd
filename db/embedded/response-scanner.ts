import type { TransactionStatus } from './protocol.ts';

const PARSE_COMPLETE = '1'.charCodeAt(0);
const READY_FOR_QUERY = 'Z'.charCodeAt(0);
const NOTIFICATION = 'A'.charCodeAt(0);

/**
 * Reads along in what the engine answers to one cycle, and passes it on but for two kinds of messages: notifications (they
 * belong to no client of a shared session) and, when asked, the first ParseComplete (of a Parse that the bridge put in).
 * From the first message that would make the answer longer than allowed, nothing is passed on, so what was ends with a whole
 * message. Chunks may end anywhere, also inside a header.
 */
export class ResponseScanner {
  readonly #forward: (bytes: Uint8Array) => void;
  readonly #maxBytes: number;
  #answerBytes = 0;
  #mustDropParseComplete: boolean;
  #carry: Uint8Array | null = null;
  #bodyBytesLeft = 0;
  #isBodyDropped = false;
  /** Status of the last ReadyForQuery; null while there was none. */
  status: TransactionStatus | null = null;

  /** @param forward called at once with views that are valid only during the call */
  constructor(
    forward: (bytes: Uint8Array) => void,
    options: { readonly dropFirstParseComplete: boolean; readonly maxBytes: number },
  ) {
    this.#forward = forward;
    this.#maxBytes = options.maxBytes;
    this.#mustDropParseComplete = options.dropFirstParseComplete;
  }

  get isOverLimit(): boolean {
    return this.#answerBytes > this.#maxBytes;
  }

  push(chunk: Uint8Array): void {
    const bytes = this.#carry === null ? chunk : Buffer.concat([this.#carry, chunk]);
    this.#carry = null;
    let position = 0;
    let forwardFrom = 0;
    const flushUpTo = (end: number) => {
      if (end > forwardFrom) this.#forward(bytes.subarray(forwardFrom, end));
    };
    while (position < bytes.length) {
      if (this.#bodyBytesLeft > 0) {
        const step = Math.min(this.#bodyBytesLeft, bytes.length - position);
        this.#bodyBytesLeft -= step;
        position += step;
        if (this.#isBodyDropped) forwardFrom = position;
        continue;
      }
      const type = bytes[position];
      const headerBytes = type === READY_FOR_QUERY ? 6 : 5;
      if (bytes.length - position < headerBytes) {
        this.#carry = Buffer.from(bytes.subarray(position));
        break;
      }
      const view = new DataView(bytes.buffer, bytes.byteOffset + position, headerBytes);
      this.#bodyBytesLeft = view.getInt32(1) - (headerBytes - 1);
      this.#answerBytes += view.getInt32(1) + 1;
      if (type === READY_FOR_QUERY) this.status = toStatus(view.getUint8(5));
      this.#isBodyDropped = this.#mustDrop(type);
      if (this.#isBodyDropped) flushUpTo(position);
      position += headerBytes;
      if (this.#isBodyDropped) forwardFrom = position;
    }
    flushUpTo(position);
  }

  #mustDrop(type: number | undefined): boolean {
    if (type === NOTIFICATION || this.isOverLimit) return true;
    if (type !== PARSE_COMPLETE || !this.#mustDropParseComplete) return false;
    this.#mustDropParseComplete = false;
    return true;
  }
}

function toStatus(code: number): TransactionStatus {
  const letter = String.fromCharCode(code);
  return letter === 'T' || letter === 'E' ? letter : 'I';
}
