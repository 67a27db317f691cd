import { MAIL, type MediaType, SUBTITLES } from '../formats.ts';
import { openSandbox, type Sandbox, type SandboxLimits } from './run-sandboxed.ts';

/**
 * Formats after which a process may read another file. Starting one costs more than reading a short text does, and hundreds of
 * them are dropped at once. Parsers of packed and binary formats are large and keep state, so theirs end with the file.
 */
const plainFormats: ReadonlySet<MediaType> = new Set([
  'text/plain',
  'text/markdown',
  'text/csv',
  'text/html',
  SUBTITLES,
  MAIL,
]);

const IDLE_MS = 3000;
const MAX_FILES = 200;
/** Beyond, what files left behind is given back. */
const MAX_RESIDENT_MEGABYTES = 300;

type ReaderLimits = Omit<SandboxLimits, 'timeoutMs'>;

interface IdleReader {
  readonly sandbox: Sandbox;
  readonly key: string;
  readonly filesRead: number;
  readonly timer: NodeJS.Timeout;
}

/** Processes that wait for the next file of their owner. */
const idleReaders: IdleReader[] = [];

export interface Reader {
  readonly sandbox: Sandbox;
  /** Give the process back, once. It is kept only after a plain file that was read to its end, and for the same owner. */
  release(isComplete: boolean): void;
}

/** A process for one file: one that read files of the same owner under the same limits before, or a new one. */
export function takeReader(
  { heapMegabytes, residentMegabytes }: ReaderLimits,
  mediaType: MediaType,
  owner: string | undefined,
): Reader {
  const key =
    owner === undefined || !plainFormats.has(mediaType) ? null : `${owner} ${heapMegabytes} ${residentMegabytes}`;
  const idle = key === null ? undefined : takeIdle(key);
  const sandbox =
    idle?.sandbox ?? openSandbox('extraction-child.ts', [], { limits: { heapMegabytes, residentMegabytes } });
  const filesRead = (idle?.filesRead ?? 0) + 1;
  return {
    sandbox,
    release(isComplete) {
      if (isComplete && key !== null && filesRead < MAX_FILES) keep({ sandbox, key, filesRead });
      else sandbox.kill();
    },
  };
}

function takeIdle(key: string): IdleReader | undefined {
  const index = idleReaders.findIndex((reader) => reader.key === key && !reader.sandbox.hasEnded());
  if (index === -1) return undefined;
  const [reader] = idleReaders.splice(index, 1);
  clearTimeout(reader?.timer);
  return reader;
}

function keep(reader: Omit<IdleReader, 'timer'>): void {
  const end = () => {
    const index = idleReaders.findIndex(({ sandbox }) => sandbox === reader.sandbox);
    if (index === -1) return;
    idleReaders.splice(index, 1);
    reader.sandbox.kill();
  };
  idleReaders.push({ ...reader, timer: setTimeout(end, IDLE_MS) });
  const endWhenLarge = async () => {
    if ((await reader.sandbox.measureMegabytes()) > MAX_RESIDENT_MEGABYTES) end();
  };
  void endWhenLarge();
}
