import { classifySql, type SqlRefusal } from './classify-sql.ts';
import type { FrontendMessage } from './frontend-parser.ts';
import {
  encodeMessage,
  encodeQuery,
  encodeString,
  encodeSync,
  encodeUnnamedExecution,
  ProtocolViolation,
} from './protocol.ts';

/**
 * What the engine runs without a pause: a simple query, or extended messages up to Sync. Only whole cycles reach the engine,
 * so no other client's message can come between a Parse and its Execute.
 */
export interface Cycle {
  readonly bytes: Buffer;
  /** False for messages up to a Flush: the client wants their answers now and its cycle goes on. */
  readonly isComplete: boolean;
  /** Binds or describes the unnamed statement that an earlier cycle of this client parsed. */
  readonly needsUnnamedStatement: boolean;
  /** The unnamed statement after this cycle: its Parse message, null for none, undefined for the one before. */
  readonly unnamedStatement: Buffer | null | undefined;
  readonly touchesSettings: boolean;
}

/** Messages waiting for their Sync may take this much together; as much as one message may. */
const MAX_CYCLE_BYTES = 256 * 1024 * 1024;

const IGNORED_OUTSIDE_COPY = new Set(['d', 'c', 'f']);

/**
 * Collects the messages of one client into cycles, and gives its prepared statements names of their own, since the names of
 * all clients meet in one session. Portals need no such care: they end with the transaction, and its client has the engine alone.
 */
export class CycleAssembler {
  readonly #namePrefix: string;
  readonly #engineNames = new Map<string, string>();
  readonly #settingStatements = new Set<string>();
  #nameCount = 0;

  #parts: Buffer[] = [];
  #partBytes = 0;
  #needsUnnamedStatement = false;
  #unnamedStatement: Buffer | null | undefined;
  #touchesSettings = false;
  /** A refused statement is in this cycle: what follows it is skipped, as after any error. */
  #isRefused = false;

  constructor(clientNumber: number) {
    this.#namePrefix = `client_${clientNumber}_statement_`;
  }

  /** Names in the engine of all statements this client may have open. */
  get engineStatementNames(): IterableIterator<string> {
    return this.#engineNames.values();
  }

  /**
   * @returns the cycle that `message` completes, or null
   * @throws ProtocolViolation when a message is malformed where the bridge has to read it
   */
  add(message: FrontendMessage): Cycle | null {
    const { type, bytes } = message;
    switch (type) {
      case 'Q':
        return this.#addQuery(bytes);
      case 'S':
      case 'F':
        this.#keep(bytes);
        return this.#finish(true);
      case 'H':
        if (this.#parts.length === 0) return null;
        this.#keep(bytes);
        return this.#finish(false);
      default:
        if (!this.#isRefused && !IGNORED_OUTSIDE_COPY.has(type)) this.#addExtended(type, bytes);
        return null;
    }
  }

  #addQuery(bytes: Buffer): Cycle {
    const { text } = readString(bytes, 5);
    const { refusal, touchesSettings } = classifySql(text);
    this.#touchesSettings ||= touchesSettings;
    this.#unnamedStatement = null;
    this.#keep(refusal === null ? bytes : encodeQuery(raise(refusal)));
    return this.#finish(true);
  }

  #addExtended(type: string, bytes: Buffer): void {
    if (type === 'P') this.#addParse(bytes);
    else if (type === 'B') this.#addBind(bytes);
    else if (type === 'D' || type === 'C') this.#addDescribeOrClose(type, bytes);
    else this.#keep(bytes);
  }

  #addParse(bytes: Buffer): void {
    const name = readString(bytes, 5);
    const sql = readString(bytes, name.end);
    const { refusal, touchesSettings } = classifySql(sql.text);
    if (refusal !== null) {
      this.#isRefused = true;
      this.#unnamedStatement = null;
      this.#keep(encodeUnnamedExecution(raise(refusal)));
      return;
    }
    this.#touchesSettings ||= touchesSettings;
    if (name.text === '') {
      this.#unnamedStatement = bytes;
      this.#keep(bytes);
      return;
    }
    if (touchesSettings) this.#settingStatements.add(name.text);
    this.#keep(encodeMessage('P', encodeString(this.#toEngineName(name.text)), bytes.subarray(name.end)));
  }

  #addBind(bytes: Buffer): void {
    const portal = readString(bytes, 5);
    const statement = readString(bytes, portal.end);
    if (statement.text === '') {
      this.#useUnnamed();
      this.#keep(bytes);
      return;
    }
    this.#touchesSettings ||= this.#settingStatements.has(statement.text);
    const engineName = encodeString(this.#toEngineName(statement.text));
    this.#keep(encodeMessage('B', bytes.subarray(5, portal.end), engineName, bytes.subarray(statement.end)));
  }

  #addDescribeOrClose(type: string, bytes: Buffer): void {
    const isStatement = bytes[5] === 'S'.charCodeAt(0);
    const name = readString(bytes, 6);
    if (isStatement && name.text !== '') {
      this.#keep(encodeMessage(type, bytes.subarray(5, 6), encodeString(this.#toEngineName(name.text))));
      return;
    }
    if (isStatement && type === 'D') this.#useUnnamed();
    if (isStatement && type === 'C') this.#unnamedStatement = null;
    this.#keep(bytes);
  }

  #useUnnamed(): void {
    if (this.#unnamedStatement === undefined) this.#needsUnnamedStatement = true;
  }

  #toEngineName(name: string): string {
    const known = this.#engineNames.get(name);
    if (known !== undefined) return known;
    this.#nameCount += 1;
    const engineName = `${this.#namePrefix}${this.#nameCount}`;
    this.#engineNames.set(name, engineName);
    return engineName;
  }

  #keep(bytes: Buffer): void {
    this.#partBytes += bytes.length;
    if (this.#partBytes > MAX_CYCLE_BYTES) {
      throw new ProtocolViolation(`more than ${MAX_CYCLE_BYTES} bytes before a Sync message`, '54000');
    }
    this.#parts.push(bytes);
  }

  #finish(isComplete: boolean): Cycle {
    const cycle: Cycle = {
      bytes: this.#parts.length === 1 && this.#parts[0] !== undefined ? this.#parts[0] : Buffer.concat(this.#parts),
      isComplete,
      needsUnnamedStatement: this.#needsUnnamedStatement,
      unnamedStatement: this.#unnamedStatement,
      touchesSettings: this.#touchesSettings,
    };
    this.#parts = [];
    this.#partBytes = 0;
    this.#needsUnnamedStatement = false;
    this.#unnamedStatement = undefined;
    this.#touchesSettings = false;
    if (isComplete) this.#isRefused = false;
    return cycle;
  }
}

/** A cycle that fails with `message` and, inside a transaction, fails that too, like every error. */
export function createFailingCycle(sqlState: string, message: string, isComplete: boolean): Cycle {
  const execution = encodeUnnamedExecution(raise({ message, hint: '' }, sqlState));
  return {
    bytes: isComplete ? Buffer.concat([execution, encodeSync()]) : execution,
    isComplete,
    needsUnnamedStatement: false,
    unnamedStatement: null,
    touchesSettings: false,
  };
}

/** SQL that raises the refusal inside the engine, so that an open transaction fails as it does for any other error. */
function raise({ message, hint }: SqlRefusal, sqlState = '0A000'): string {
  const hintPart = hint === '' ? '' : `, HINT = ${quote(hint)}`;
  return `DO ${quote(`BEGIN RAISE EXCEPTION USING ERRCODE = ${quote(sqlState)}, MESSAGE = ${quote(message)}${hintPart}; END`)}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** @returns the text and the offset behind its terminating zero */
function readString(bytes: Buffer, from: number): { readonly text: string; readonly end: number } {
  const terminator = bytes.indexOf(0, from);
  if (terminator === -1) throw new ProtocolViolation('invalid string in message');
  return { text: bytes.toString('utf8', from, terminator), end: terminator + 1 };
}
