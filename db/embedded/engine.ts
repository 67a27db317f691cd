import fs from 'node:fs';
import { PGlite } from '@electric-sql/pglite';
import { NodeFS } from '@electric-sql/pglite/nodefs';
import { vector } from '@electric-sql/pglite-pgvector';
import { encodeQuery } from './protocol.ts';

/**
 * - `power`: an acknowledged commit survives the loss of power; every commit waits for the disk.
 * - `process`: an acknowledged commit survives `kill -9` of the server, since the system has its bytes, but not the loss of power.
 */
export type Durability = 'power' | 'process';

/**
 * PGlite and its one session, as a function from request bytes to answer bytes. Everything runs on the calling thread and to
 * its end: while a query runs, this process does nothing else. Use it from one place only; it knows no clients.
 */
export interface Engine {
  /**
   * Run messages of the frontend protocol.
   * @param onBytes gets views into the engine's memory, valid during the call only
   * @throws whatever the engine dies of; it is of no use afterwards. Errors of SQL are answers, not exceptions.
   */
  execute(messages: Uint8Array, onBytes: (bytes: Uint8Array) => void): void;
  /**
   * Run SQL of the bridge's own; rows as text.
   * @throws EngineQueryError
   */
  query(sql: string): readonly (readonly (string | null)[])[];
  close(): Promise<void>;
}

/** SQL of the bridge's own was refused; the engine goes on. */
export class EngineQueryError extends Error {
  constructor(sql: string, reason: string) {
    super(`${reason} (${sql})`);
    this.name = 'EngineQueryError';
  }
}

/** The engine ended itself or trapped; only a new process can open the cluster again. */
export class EngineDiedError extends Error {
  constructor(cause: unknown) {
    super('the embedded database engine died', { cause });
    this.name = 'EngineDiedError';
  }
}

/** The exit status that PGlite gives PostgreSQL's error recovery: any SQL error, and no reason to worry. */
const SQL_ERROR_STATUS = 100;

const MAIN_LOOP = '_PostgresMainLoopOnce';

type MainLoop = Record<typeof MAIN_LOOP, () => void>;

/**
 * PGlite calls the main loop until all input is read and ignores every exception but that of a SQL error. An engine that is
 * dead reads nothing, so it would be called forever. This wrapper turns such an exception into one that also escapes there:
 * reading its `status` throws.
 */
function letDeathEscape(mod: MainLoop): void {
  const runOnce = mod[MAIN_LOOP].bind(mod);
  mod[MAIN_LOOP] = () => {
    try {
      runOnce();
    } catch (error) {
      if (typeof error === 'object' && error !== null && 'status' in error && error.status === SQL_ERROR_STATUS) {
        throw error;
      }
      const died = new EngineDiedError(error);
      Object.defineProperty(died, 'status', {
        get() {
          throw new EngineDiedError(error);
        },
      });
      throw died;
    }
  };
}

/** The parts of Emscripten's file system that PGlite's types leave out. */
interface NodeFileSystemMount {
  readonly FS: {
    readonly filesystems: {
      readonly NODEFS: { readonly stream_ops: { fsync?: (stream: { readonly nfd: number }) => number } };
    };
  };
}

function hasNodeFileSystem(mod: object): mod is NodeFileSystemMount {
  return 'FS' in mod && typeof mod.FS === 'object' && mod.FS !== null && 'filesystems' in mod.FS;
}

function installSync(mod: object): void {
  if (!hasNodeFileSystem(mod)) throw new TypeError('PGlite has no NODEFS file system; its version has changed');
  mod.FS.filesystems.NODEFS.stream_ops.fsync = (stream) => {
    fs.fsyncSync(stream.nfd);
    return 0;
  };
}

/**
 * PostgreSQL's timers cannot interrupt a query that never leaves this thread. They would go off between two queries instead,
 * and those that mean to end the session (`transaction_timeout`, `idle_in_transaction_session_timeout`) end the engine with it.
 */
function disarmTimers(imports: WebAssembly.Imports): void {
  const environment = imports['env'];
  if (environment?.['_setitimer_js'] === undefined)
    throw new TypeError('PGlite has no timer import; its version has changed');
  environment['_setitimer_js'] = () => 0;
}

/** A directory of the system as PostgreSQL's data directory. */
class ClusterFS extends NodeFS {
  readonly #durability: Durability;

  constructor(clusterDir: string, durability: Durability) {
    super(clusterDir);
    this.#durability = durability;
  }

  override async init(...[pg, options]: Parameters<NodeFS['init']>): ReturnType<NodeFS['init']> {
    const { emscriptenOpts } = await super.init(pg, options);
    const { instantiateWasm, preRun = [] } = emscriptenOpts;
    if (instantiateWasm === undefined)
      throw new TypeError('PGlite loads its engine in another way; its version has changed');
    return {
      emscriptenOpts: {
        ...emscriptenOpts,
        instantiateWasm: (...[imports, onInstance]: Parameters<typeof instantiateWasm>) => {
          disarmTimers(imports);
          return instantiateWasm(imports, onInstance);
        },
        // Emscripten's NODEFS drops fsync.
        preRun: this.#durability === 'power' ? [...preRun, installSync] : preRun,
      },
    };
  }
}

/**
 * PostgreSQL measures its stack in WebAssembly's memory, while the calls use JavaScript's stack, which overflows first and kills
 * the engine. At this limit deep SQL gets PostgreSQL's own error instead ("stack depth limit exceeded"), as long as
 * JavaScript's stack is `ENGINE_STACK_KIB` (engine-stack.ts).
 */
const MAX_STACK_DEPTH = '200kB';

const COMMON_START_PARAMETERS = [...PGlite.defaultStartParams, '-c', `max_stack_depth=${MAX_STACK_DEPTH}`];

/** `-F` is PostgreSQL's fsync=off. The default sync method opens files with O_DSYNC, which NODEFS does not pass on. */
const DURABLE_START_PARAMETERS = [
  ...COMMON_START_PARAMETERS.filter((parameter) => parameter !== '-F'),
  '-c',
  'wal_sync_method=fsync',
];

const ignoreBytes = (_bytes: Uint8Array): void => undefined;

/** @param clusterDir PostgreSQL's data directory; created and initialised (3 to 10 s) when it does not exist */
export async function openEngine(clusterDir: string, durability: Durability): Promise<Engine> {
  const pglite = await PGlite.create({
    fs: new ClusterFS(clusterDir, durability),
    extensions: { vector },
    startParams: durability === 'power' ? DURABLE_START_PARAMETERS : COMMON_START_PARAMETERS,
  });
  letDeathEscape(pglite.Module);
  let sink = ignoreBytes;
  // Installs the callback for all later calls of execProtocolRawSync, the one entry point that reports errors as exceptions.
  await pglite.execProtocolRawStream(new Uint8Array(0), { syncToFs: false, onRawData: (bytes) => sink(bytes) });

  const execute: Engine['execute'] = (messages, onBytes) => {
    sink = onBytes;
    pglite.execProtocolRawSync(messages);
  };

  return {
    execute,
    query(sql) {
      const answer: Buffer[] = [];
      execute(encodeQuery(sql), (bytes) => answer.push(Buffer.from(bytes)));
      return readRows(Buffer.concat(answer), sql);
    },
    async close() {
      await pglite.close();
    },
  };
}

function readRows(answer: Buffer, sql: string): (string | null)[][] {
  const rows: (string | null)[][] = [];
  let offset = 0;
  while (offset < answer.length) {
    const type = answer.toString('latin1', offset, offset + 1);
    const end = offset + 1 + answer.readInt32BE(offset + 1);
    if (type === 'E') throw new EngineQueryError(sql, readErrorMessage(answer.subarray(offset + 5, end)));
    if (type === 'D') rows.push(readDataRow(answer.subarray(offset + 5, end)));
    offset = end;
  }
  return rows;
}

function readErrorMessage(body: Buffer): string {
  const fields = body.toString('utf8').split('\0');
  return fields.find((field) => field.startsWith('M'))?.slice(1) ?? 'unknown error';
}

function readDataRow(body: Buffer): (string | null)[] {
  const values: (string | null)[] = [];
  let offset = 2;
  for (let column = 0; column < body.readInt16BE(0); column += 1) {
    const length = body.readInt32BE(offset);
    offset += 4;
    values.push(length === -1 ? null : body.toString('utf8', offset, offset + length));
    offset += Math.max(length, 0);
  }
  return values;
}
