import { createHash } from 'node:crypto';
import os from 'node:os';
import path from 'node:path';

/** Where each part lives inside the data directory. Nothing else joins paths onto the data directory. */
export interface DataDirLayout {
  readonly root: string;
  /** Held by the supervisor while the product runs; one product per data directory. */
  readonly lockFile: string;
  readonly databaseDir: string;
  /** PostgreSQL convention: clients are given this directory as `host` and find `.s.PGSQL.5432` in it. */
  readonly databaseSocketDir: string;
  readonly runtimeSocket: string;
  readonly blobsDir: string;
  /** Trained adapters, content-addressed: `<sha256>.gguf`. */
  readonly adaptersDir: string;
  /** Base models as f32, for training; can be deleted at any time, and is made again when needed. */
  readonly weightCacheDir: string;
  /** One directory for each training run, by the run's id. */
  readonly trainingDir: string;
  /** Held by the trainer at work: one at a time on a device. */
  readonly trainingLockFile: string;
  /** How fast this machine multiplies matrices, as a trainer measured it. */
  readonly matrixRateFile: string;
  /** Frozen data sets, content-addressed: a file of JSONL a split. */
  readonly dataSetsDir: string;
  /** Chat logs as they were uploaded; each goes as soon as its rows are in. */
  readonly dataSetUploadsDir: string;
  /** Secret that signs sessions; created on first start, mode 0600. */
  readonly secretFile: string;
  readonly logsDir: string;
}

/** Longest path of a Unix socket that Linux (108 bytes) and macOS (104 bytes) both take, less the terminating zero. */
const MAX_SOCKET_PATH_BYTES = 103;

/** Sockets live in the data directory unless its path is too long for one; then in a directory of the system's temporary one. */
function chooseRunDir(dataDir: string): string {
  const inside = path.join(dataDir, 'run');
  if (Buffer.byteLength(path.join(inside, '.s.PGSQL.5432.lock')) <= MAX_SOCKET_PATH_BYTES) return inside;
  const key = createHash('sha256').update(dataDir).digest('hex').slice(0, 16);
  return path.join(os.tmpdir(), `lorehouse-${key}`);
}

export function describeDataDir(dataDir: string): DataDirLayout {
  const runDir = chooseRunDir(dataDir);
  return {
    root: dataDir,
    lockFile: path.join(dataDir, 'lorehouse.lock'),
    databaseDir: path.join(dataDir, 'database'),
    databaseSocketDir: runDir,
    runtimeSocket: path.join(runDir, 'runtime.sock'),
    blobsDir: path.join(dataDir, 'blobs'),
    adaptersDir: path.join(dataDir, 'adapters'),
    weightCacheDir: path.join(dataDir, 'cache', 'lora-weights'),
    trainingDir: path.join(dataDir, 'training'),
    trainingLockFile: path.join(dataDir, 'training', 'device.lock'),
    matrixRateFile: path.join(dataDir, 'cache', 'matrix-rate.json'),
    dataSetsDir: path.join(dataDir, 'data-sets'),
    dataSetUploadsDir: path.join(dataDir, 'data-set-uploads'),
    secretFile: path.join(dataDir, 'secret'),
    logsDir: path.join(dataDir, 'logs'),
  };
}
