import { randomInt } from 'node:crypto';
import type { Socket } from 'node:net';
import { type Cycle, CycleAssembler, createFailingCycle } from './cycle-assembler.ts';
import { type Engine, EngineQueryError } from './engine.ts';
import { type FrontendPacket, FrontendParser } from './frontend-parser.ts';
import {
  type BackendError,
  encodeAuthenticationOk,
  encodeBackendKeyData,
  encodeCloseStatement,
  encodeErrorResponse,
  encodeNegotiateProtocolVersion,
  encodeParameterStatus,
  encodeReadyForQuery,
  encodeSync,
  ProtocolViolation,
  type TransactionStatus,
} from './protocol.ts';
import { ResponseScanner } from './response-scanner.ts';
import {
  applySessionSettings,
  areEqualSettings,
  NO_SETTINGS,
  readSessionSettings,
  readStartupSettings,
  type SessionSettings,
} from './session-settings.ts';

/**
 * Many clients on an engine that has one session.
 *
 * Guarantees: only complete cycles reach the engine (see {@link CycleAssembler}); while a client is in a transaction, or
 * between a Flush and its Sync, nobody else's cycle runs; otherwise clients take turns, one cycle each. A client that goes
 * away is rolled back. Prepared statements, the unnamed statement and settings are each client's own.
 *
 * Shared by all clients, by nature: temporary tables, cursors WITH HOLD, session advisory locks taken inside functions. The
 * first two end with the server only; statements that take session locks directly are refused.
 *
 * A cycle runs on this thread to its end. So a running query cannot be cancelled (the request is read when it is over; it
 * does cancel a cycle that still waits), PostgreSQL's timeouts have no effect but for the bridge's own, and the whole answer to one cycle may lie in this
 * process's memory, up to `maxResponseBytes`. A client that reads slowly gets its next cycle run only when its answers so far
 * have left for the socket.
 */
export interface BridgeOptions {
  readonly engine: Engine;
  /**
   * How long a client may hold the engine in a transaction without sending anything, or without reading its answers. A client
   * may ask for less (milliseconds, as `idle_in_transaction_session_timeout` in its startup packet), never for more.
   */
  readonly idleInTransactionTimeoutMs: number;
  /** Longest answer to one cycle. */
  readonly maxResponseBytes: number;
  readonly maxClients: number;
  /** The engine died; the process has to end, and what was acknowledged is on disk. */
  readonly onFailure: (error: unknown) => void;
}

/** The one database that a cluster of PGlite has. */
export const EMBEDDED_DATABASE_NAME = 'postgres';

/** Answers on their way to a client may pile up to this before its next cycle waits. */
const UNSENT_BYTES_LIMIT = 1024 * 1024;
/** A client's unfinished work in memory; beyond, its socket is not read until some of it ran. */
const QUEUED_CYCLES_LIMIT = 256;
const OUTPUT_BLOCK_BYTES = 64 * 1024;
/** A client that connects must say who it is within this time. */
const STARTUP_TIMEOUT_MS = 10_000;

const REPORTED_PARAMETERS = [
  'server_version',
  'server_encoding',
  'client_encoding',
  'DateStyle',
  'IntervalStyle',
  'TimeZone',
  'integer_datetimes',
  'standard_conforming_strings',
  'is_superuser',
  'session_authorization',
] as const;

const ADMIN_SHUTDOWN: BackendError = {
  severity: 'FATAL',
  sqlState: '57P01',
  message: 'terminating connection due to administrator command',
};

interface Client {
  readonly number: number;
  readonly secretKey: number;
  readonly socket: Socket;
  readonly parser: FrontendParser;
  readonly assembler: CycleAssembler;
  readonly queue: Cycle[];
  isStarted: boolean;
  /** It said goodbye; what it sent before still runs. */
  isLeaving: boolean;
  isGone: boolean;
  settings: SessionSettings;
  mustReadSettings: boolean;
  unnamedStatement: Buffer | null;
  idleInTransactionTimeoutMs: number;
  startupTimer: NodeJS.Timeout | null;
}

export class Bridge {
  readonly #options: BridgeOptions;
  readonly #engine: Engine;
  readonly #clients = new Map<number, Client>();
  /** Clients in the order of their turns. */
  readonly #turns: Client[] = [];
  readonly #greeting: readonly Buffer[];
  #lastClientNumber = 0;
  #activeSettings: SessionSettings = NO_SETTINGS;
  /** Prepared statements of clients that are gone. */
  readonly #orphanedStatements: string[] = [];
  /** Client whose unnamed statement the engine holds. */
  #unnamedStatementOf: Client | null = null;

  /** Client that has the engine to itself. */
  #owner: Client | null = null;
  #ownerStatus: TransactionStatus = 'I';
  #isOwnerInsideCycle = false;
  #idleTimer: NodeJS.Timeout | null = null;

  #isScheduled = false;
  #isClosed = false;

  constructor(options: BridgeOptions) {
    this.#options = options;
    this.#engine = options.engine;
    const values = this.#engine.query(
      `SELECT ${REPORTED_PARAMETERS.map((name) => `current_setting('${name}')`).join(', ')}`,
    )[0];
    this.#greeting = REPORTED_PARAMETERS.map((name, i) => encodeParameterStatus(name, values?.[i] ?? ''));
  }

  get clientCount(): number {
    return this.#clients.size;
  }

  /** Serve one connection. The socket must allow half-open: a client that ends its side still gets its answers. */
  attach(socket: Socket): void {
    const client = this.#createClient(socket);
    socket.on('data', (chunk) => this.#receive(client, chunk));
    socket.on('drain', () => this.#schedule());
    socket.on('end', () => this.#leave(client));
    // What goes wrong with a socket ends in 'close', where the client is cleared away.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#remove(client));
    client.startupTimer = setTimeout(() => socket.destroy(), STARTUP_TIMEOUT_MS);
    if (this.#isClosed) this.#expel(client, ADMIN_SHUTDOWN);
  }

  /** Roll back who is in a transaction, send everybody away, and never touch the engine again. */
  close(): void {
    this.#isClosed = true;
    for (const client of this.#clients.values()) this.#expel(client, ADMIN_SHUTDOWN);
  }

  #createClient(socket: Socket): Client {
    this.#lastClientNumber = (this.#lastClientNumber % 0x7fff_ffff) + 1;
    const number = this.#lastClientNumber;
    const client: Client = {
      number,
      secretKey: randomInt(-0x8000_0000, 0x8000_0000),
      socket,
      parser: new FrontendParser(),
      assembler: new CycleAssembler(number),
      queue: [],
      isStarted: false,
      isLeaving: false,
      isGone: false,
      settings: NO_SETTINGS,
      mustReadSettings: false,
      unnamedStatement: null,
      idleInTransactionTimeoutMs: this.#options.idleInTransactionTimeoutMs,
      startupTimer: null,
    };
    this.#clients.set(number, client);
    return client;
  }

  #receive(client: Client, chunk: Buffer): void {
    if (client.isLeaving || client.isGone) return;
    try {
      for (const packet of client.parser.push(chunk)) {
        if (client.isLeaving || client.isGone) return;
        this.#accept(client, packet);
      }
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) {
        this.#fail(error);
        return;
      }
      this.#expel(client, { severity: 'FATAL', sqlState: error.sqlState, message: error.message });
      return;
    }
    if (client.queue.length > QUEUED_CYCLES_LIMIT) client.socket.pause();
    if (client.queue.length > 0) this.#schedule();
  }

  #accept(client: Client, packet: FrontendPacket): void {
    switch (packet.kind) {
      case 'encryption-request':
        client.socket.write('N');
        return;
      case 'cancel-request':
        this.#cancel(packet.processId, packet.secretKey);
        client.socket.end();
        return;
      case 'startup':
        this.#welcome(client, packet.minorVersion, packet.parameters);
        return;
      case 'message': {
        if (packet.message.type === 'X') {
          this.#leave(client);
          return;
        }
        const cycle = client.assembler.add(packet.message);
        if (cycle !== null) client.queue.push(cycle);
      }
    }
  }

  #welcome(client: Client, minorVersion: number, parameters: ReadonlyMap<string, string>): void {
    if (client.startupTimer !== null) clearTimeout(client.startupTimer);
    const refusal = this.#checkStartup(parameters);
    if (refusal !== null) {
      this.#expel(client, refusal);
      return;
    }
    client.settings = readStartupSettings(parameters);
    const ownTimeoutMs = Number(parameters.get('idle_in_transaction_session_timeout'));
    if (ownTimeoutMs > 0) {
      client.idleInTransactionTimeoutMs = Math.min(ownTimeoutMs, this.#options.idleInTransactionTimeoutMs);
    }
    if (client.settings.size > 0 && !this.#trySettings(client)) return;
    client.isStarted = true;
    this.#turns.push(client);
    const unknownOptions = [...parameters.keys()].filter((name) => name.startsWith('_pq_.'));
    if (minorVersion > 0 || unknownOptions.length > 0) {
      client.socket.write(encodeNegotiateProtocolVersion(unknownOptions));
    }
    client.socket.write(
      Buffer.concat([
        encodeAuthenticationOk(),
        ...this.#greeting,
        encodeParameterStatus('application_name', parameters.get('application_name') ?? ''),
        encodeBackendKeyData(client.number, client.secretKey),
        encodeReadyForQuery('I'),
      ]),
    );
  }

  #checkStartup(parameters: ReadonlyMap<string, string>): BackendError | null {
    const user = parameters.get('user');
    const database = parameters.get('database') ?? user;
    const encoding = parameters.get('client_encoding') ?? 'UTF8';
    if (!user) return refuse('28000', 'no PostgreSQL user name specified in startup packet');
    if (database !== EMBEDDED_DATABASE_NAME) {
      return refuse(
        '3D000',
        `database "${database}" does not exist; the embedded server has "${EMBEDDED_DATABASE_NAME}"`,
      );
    }
    if (parameters.has('replication')) return refuse('0A000', 'the embedded server does not replicate');
    if (!/^'?(utf-?8|unicode)'?$/i.test(encoding)) {
      return refuse('0A000', `client_encoding "${encoding}" is not available; the embedded server speaks UTF8`);
    }
    if (this.#turns.length >= this.#options.maxClients) return refuse('53300', 'sorry, too many clients already');
    return null;
  }

  /** Settings of a startup packet are tried at once unless a transaction runs; then they are tried at the first cycle. */
  #trySettings(client: Client): boolean {
    if (this.#owner !== null) return true;
    try {
      this.#switchSettings(client.settings);
      return true;
    } catch (error) {
      this.#expelForSettings(client, error);
      return false;
    }
  }

  /** @throws the error when it is not about the settings */
  #expelForSettings(client: Client, error: unknown): void {
    if (!(error instanceof EngineQueryError)) throw error;
    client.settings = NO_SETTINGS;
    this.#expel(client, {
      severity: 'FATAL',
      sqlState: '22023',
      message: `invalid setting in startup packet: ${error.message}`,
    });
  }

  #switchSettings(settings: SessionSettings): void {
    if (areEqualSettings(settings, this.#activeSettings)) return;
    // Unknown until both steps are done: a refused value leaves the session in between.
    this.#activeSettings = new Map([['unknown', '']]);
    this.#unnamedStatementOf = null;
    applySessionSettings(this.#engine, settings);
    this.#activeSettings = settings;
  }

  /** Wrong keys are ignored without a word, as the protocol asks. */
  #cancel(processId: number, secretKey: number): void {
    const client = this.#clients.get(processId);
    const waiting = client?.queue[0];
    if (client === undefined || waiting === undefined || client.secretKey !== secretKey) return;
    const message = 'canceling statement due to user request';
    if (client === this.#owner || !waiting.isComplete) {
      // The transaction has to fail in the engine as well; the engine is free for its owner, so this runs next.
      client.queue[0] = createFailingCycle('57014', message, waiting.isComplete);
      this.#schedule();
      return;
    }
    client.queue.shift();
    client.socket.write(
      Buffer.concat([encodeErrorResponse({ severity: 'ERROR', sqlState: '57014', message }), encodeReadyForQuery('I')]),
    );
  }

  #leave(client: Client): void {
    if (client.isLeaving || client.isGone) return;
    client.isLeaving = true;
    if (client.queue.length > 0) this.#schedule();
    else this.#dismiss(client);
  }

  /** Close from our side after a last message; nothing more of this client runs. */
  #expel(client: Client, error: BackendError): void {
    if (client.isGone) return;
    if (!client.socket.destroyed) client.socket.write(encodeErrorResponse(error));
    this.#dismiss(client);
  }

  #dismiss(client: Client): void {
    this.#remove(client);
    client.socket.end();
    // A peer that never closes its side would keep the descriptor open.
    client.socket.resume();
    setTimeout(() => client.socket.destroy(), 1000).unref();
  }

  /** Forget a client and undo what it left in the engine. */
  #remove(client: Client): void {
    if (client.isGone) return;
    client.isGone = true;
    client.queue.length = 0;
    if (client.startupTimer !== null) clearTimeout(client.startupTimer);
    this.#clients.delete(client.number);
    const turn = this.#turns.indexOf(client);
    if (turn !== -1) this.#turns.splice(turn, 1);
    try {
      this.#orphanedStatements.push(...client.assembler.engineStatementNames);
      if (this.#owner === client) this.#abandonTransaction();
      if (this.#owner === null) this.#closeOrphanedStatements();
    } catch (error) {
      this.#fail(error);
    }
    this.#schedule();
  }

  #abandonTransaction(): void {
    this.#stopIdleTimer();
    if (this.#isOwnerInsideCycle) this.#engine.execute(encodeSync(), () => undefined);
    if (this.#ownerStatus !== 'I' || this.#isOwnerInsideCycle) this.#engine.query('ROLLBACK');
    this.#unnamedStatementOf = null;
    this.#owner = null;
    this.#ownerStatus = 'I';
    this.#isOwnerInsideCycle = false;
  }

  /** Only between transactions: the Sync would end the cycle of an owner that waits for its own. */
  #closeOrphanedStatements(): void {
    const names = this.#orphanedStatements.splice(0);
    if (names.length === 0) return;
    this.#engine.execute(Buffer.concat([...names.map(encodeCloseStatement), encodeSync()]), () => undefined);
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    // Between two cycles the event loop turns once, so that sockets are read and written while a queue is worked off.
    setImmediate(() => {
      this.#isScheduled = false;
      this.#runNext();
    });
  }

  #runNext(): void {
    if (this.#isClosed) return;
    try {
      if (this.#owner === null) this.#closeOrphanedStatements();
      const client = this.#owner ?? this.#turns.find(isRunnable);
      if (client === undefined || !isRunnable(client)) return;
      const cycle = client.queue.shift();
      if (cycle === undefined) return;
      if (client.queue.length < QUEUED_CYCLES_LIMIT / 2 && client.socket.isPaused()) client.socket.resume();
      this.#run(client, cycle);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#schedule();
  }

  #run(client: Client, cycle: Cycle): void {
    if (this.#owner === null) {
      this.#turns.splice(this.#turns.indexOf(client), 1);
      this.#turns.push(client);
      try {
        this.#switchSettings(client.settings);
      } catch (error) {
        this.#expelForSettings(client, error);
        return;
      }
    }
    this.#stopIdleTimer();
    const output = new ResponseWriter(client.socket);
    const { status, isOverLimit } = this.#execute(client, cycle, output);
    output.finish();

    client.mustReadSettings ||= cycle.touchesSettings;
    if (cycle.unnamedStatement !== undefined) {
      client.unnamedStatement = cycle.unnamedStatement;
      this.#unnamedStatementOf = client;
    }
    this.#isOwnerInsideCycle = !cycle.isComplete;
    this.#ownerStatus = status;
    this.#owner = status === 'I' && cycle.isComplete ? null : client;
    if (this.#owner === null && client.mustReadSettings) {
      client.mustReadSettings = false;
      client.settings = readSessionSettings(this.#engine);
      this.#activeSettings = client.settings;
      this.#unnamedStatementOf = null;
    }
    if (isOverLimit) {
      const message = `the answer is longer than ${this.#options.maxResponseBytes} bytes; ask for it in parts`;
      this.#expel(client, { severity: 'FATAL', sqlState: '54000', message });
    } else if (client.isLeaving && client.queue.length === 0) {
      this.#dismiss(client);
    } else if (this.#owner === client && !isRunnable(client)) {
      this.#startIdleTimer(client);
    }
  }

  /** @returns the transaction status after the cycle, and whether its answer was cut */
  #execute(
    client: Client,
    cycle: Cycle,
    output: ResponseWriter,
  ): { readonly status: TransactionStatus; readonly isOverLimit: boolean } {
    const mustRestore =
      cycle.needsUnnamedStatement && this.#unnamedStatementOf !== client && client.unnamedStatement !== null;
    const messages =
      mustRestore && client.unnamedStatement !== null
        ? Buffer.concat([client.unnamedStatement, cycle.bytes])
        : cycle.bytes;
    if (mustRestore) this.#unnamedStatementOf = client;
    const scanner = new ResponseScanner((bytes) => output.write(bytes), {
      dropFirstParseComplete: mustRestore,
      maxBytes: this.#options.maxResponseBytes,
    });
    this.#engine.execute(messages, (bytes) => scanner.push(bytes));
    if (!cycle.isComplete) return { status: this.#ownerStatus, isOverLimit: scanner.isOverLimit };
    // A query right after a failed extended message, without the Sync between, is skipped by the engine until a Sync comes.
    if (scanner.status === null) this.#engine.execute(encodeSync(), (bytes) => scanner.push(bytes));
    if (scanner.status === null) throw new Error('the engine did not finish a cycle; it is not usable any more');
    return { status: scanner.status, isOverLimit: scanner.isOverLimit };
  }

  #startIdleTimer(client: Client): void {
    this.#stopIdleTimer();
    this.#idleTimer = setTimeout(() => {
      if (this.#owner !== client) return;
      this.#expel(client, {
        severity: 'FATAL',
        sqlState: '25P03',
        message: 'terminating connection due to idle-in-transaction timeout',
      });
    }, client.idleInTransactionTimeoutMs);
  }

  #stopIdleTimer(): void {
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
    this.#idleTimer = null;
  }

  #fail(error: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopIdleTimer();
    for (const client of this.#clients.values()) client.socket.destroy();
    this.#options.onFailure(error);
  }
}

function refuse(sqlState: string, message: string): BackendError {
  return { severity: 'FATAL', sqlState, message };
}

function isRunnable(client: Client): boolean {
  return client.queue.length > 0 && client.socket.writableLength <= UNSENT_BYTES_LIMIT;
}

/** Copies an answer out of the engine's memory in blocks: one small write per row would cost more than the row. */
class ResponseWriter {
  readonly #socket: Socket;
  #block = Buffer.allocUnsafe(OUTPUT_BLOCK_BYTES);
  #used = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  write(bytes: Uint8Array): void {
    if (this.#socket.destroyed) return;
    if (bytes.length > this.#block.length - this.#used) this.#send();
    if (bytes.length >= OUTPUT_BLOCK_BYTES) {
      this.#socket.write(Buffer.from(bytes));
      return;
    }
    this.#block.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  finish(): void {
    this.#send();
  }

  #send(): void {
    if (this.#used === 0) return;
    if (!this.#socket.destroyed) this.#socket.write(this.#block.subarray(0, this.#used));
    this.#block = Buffer.allocUnsafe(OUTPUT_BLOCK_BYTES);
    this.#used = 0;
  }
}
