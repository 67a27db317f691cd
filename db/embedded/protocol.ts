/**
 * Messages of the PostgreSQL wire protocol, version 3, as far as the bridge itself writes or names them.
 * @see https://www.postgresql.org/docs/18/protocol-message-formats.html
 */

/** State of a session between two cycles: idle, in a transaction, in a failed transaction. */
export type TransactionStatus = 'I' | 'T' | 'E';

/** A client broke the protocol; the connection ends with this as its last message. */
export class ProtocolViolation extends Error {
  readonly sqlState: string;

  constructor(message: string, sqlState = '08P01') {
    super(message);
    this.name = 'ProtocolViolation';
    this.sqlState = sqlState;
  }
}

export interface BackendError {
  /** FATAL tells the client that the connection ends with this message. */
  readonly severity: 'ERROR' | 'FATAL';
  /** Five characters of PostgreSQL's appendix A. */
  readonly sqlState: string;
  readonly message: string;
  readonly hint?: string;
}

const NO_BYTES = Buffer.alloc(0);

export function encodeMessage(type: string, ...parts: readonly Buffer[]): Buffer {
  const header = Buffer.allocUnsafe(5);
  header.write(type, 0, 'latin1');
  header.writeInt32BE(
    parts.reduce((sum, part) => sum + part.length, 4),
    1,
  );
  return Buffer.concat([header, ...parts]);
}

export function encodeString(text: string): Buffer {
  return Buffer.from(`${text}\0`, 'utf8');
}

function encodeInt16(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function encodeInt32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeInt32BE(value);
  return bytes;
}

export function encodeErrorResponse(error: BackendError): Buffer {
  const fields = [`S${error.severity}`, `V${error.severity}`, `C${error.sqlState}`, `M${error.message}`];
  if (error.hint !== undefined) fields.push(`H${error.hint}`);
  return encodeMessage('E', ...fields.map(encodeString), Buffer.from([0]));
}

export function encodeReadyForQuery(status: TransactionStatus): Buffer {
  return encodeMessage('Z', Buffer.from(status, 'latin1'));
}

export function encodeAuthenticationOk(): Buffer {
  return encodeMessage('R', encodeInt32(0));
}

export function encodeParameterStatus(name: string, value: string): Buffer {
  return encodeMessage('S', encodeString(name), encodeString(value));
}

export function encodeBackendKeyData(processId: number, secretKey: number): Buffer {
  return encodeMessage('K', encodeInt32(processId), encodeInt32(secretKey));
}

/** Tells a client that asked for a newer minor version, or for protocol options, what this server speaks: 3.0, no options. */
export function encodeNegotiateProtocolVersion(unknownOptions: readonly string[]): Buffer {
  return encodeMessage('v', encodeInt32(0), encodeInt32(unknownOptions.length), ...unknownOptions.map(encodeString));
}

export function encodeQuery(sql: string): Buffer {
  return encodeMessage('Q', encodeString(sql));
}

export function encodeSync(): Buffer {
  return encodeMessage('S', NO_BYTES);
}

/** Parse, Bind and Execute of a statement without parameters, on the unnamed statement and portal. */
export function encodeUnnamedExecution(sql: string): Buffer {
  return Buffer.concat([
    encodeMessage('P', encodeString(''), encodeString(sql), encodeInt16(0)),
    encodeMessage('B', encodeString(''), encodeString(''), encodeInt16(0), encodeInt16(0), encodeInt16(0)),
    encodeMessage('E', encodeString(''), encodeInt32(0)),
  ]);
}

export function encodeCloseStatement(name: string): Buffer {
  return encodeMessage('C', Buffer.from('S', 'latin1'), encodeString(name));
}
