import { execFile } from 'node:child_process';
import { access, constants, readFile, stat, statfs } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { z } from 'zod';
import { describeDataDir } from '#lib/config/data-dir.ts';
import type { Env } from '#lib/config/env.ts';
import { readLockHolder } from '#lib/config/process-lock.ts';
import { AppError } from '#lib/domain/errors.ts';
import { formatBytes } from '#lib/domain/format-bytes.ts';
import { findModel } from '#lib/models/catalog.ts';
import { claimPort } from '../start/network.ts';
import { type Check, failed, ok, warning } from './check.ts';

const run = promisify(execFile);

/** Checks of the machine itself: nothing of the product needs to run. */
const WANTED_NODE_MAJOR = 24;
/** Pages, packages' caches and a first database take about one gigabyte besides the models. */
const MIN_FREE_BYTES = 1_000_000_000;
const COMFORTABLE_FREE_BYTES = 5_000_000_000;
/** Web, worker, embedded database (up to 0.8 GB at 100,000 passages) and the supervisor. */
const PRODUCT_MEMORY_BYTES = 1_800_000_000;
/** Linux takes 108 bytes with the terminating zero, macOS 104. */
const MAX_SOCKET_PATH_BYTES = 103;
const GPU_PROBE_TIMEOUT_MS = 60_000;

/** The directory itself or the nearest one above it that exists. */
async function findExisting(directory: string): Promise<string> {
  const found = await stat(directory).catch(() => null);
  const parent = path.dirname(directory);
  return found !== null || parent === directory ? directory : findExisting(parent);
}

async function readAvailableMemory(): Promise<number> {
  const text = await readFile('/proc/meminfo', 'utf8').catch(() => '');
  const kibibytes = /^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1];
  return kibibytes === undefined ? os.freemem() : Number(kibibytes) * 1024;
}

const gpuSchema = z.object({
  available: z.array(z.union([z.string(), z.literal(false)])),
  chosen: z.union([z.string(), z.literal(false)]),
  devices: z.array(z.string()),
});

const GPU_PROBE = fileURLToPath(new URL('../../lib/runtime/server/probe-gpu.ts', import.meta.url));

export function describeMachineChecks(env: Env, models: { readonly baseModel: string }): readonly Check[] {
  const layout = describeDataDir(env.dataDir);
  return [
    {
      id: 'node',
      title: 'Node.js',
      async run() {
        const major = Number(process.versions.node.split('.')[0]);
        return major >= WANTED_NODE_MAJOR
          ? ok(`${process.versions.node}, the project's own`)
          : failed(
              `${process.versions.node}, expected ${WANTED_NODE_MAJOR} or newer`,
              'Run it as npm run doctor: the project brings its own Node.',
            );
      },
    },
    {
      id: 'disk',
      title: 'Disk space',
      async run() {
        const found = await statfs(await findExisting(env.dataDir));
        const free = found.bavail * found.bsize;
        const detail = `${formatBytes(free)} free for ${env.dataDir}`;
        const remedy = 'Free some space, or set LOREHOUSE_DATA_DIR to a larger disk.';
        if (free < MIN_FREE_BYTES) return failed(detail, remedy);
        return free < COMFORTABLE_FREE_BYTES ? warning(detail, remedy) : ok(detail);
      },
    },
    {
      id: 'memory',
      title: 'Memory',
      async run() {
        const needed = PRODUCT_MEMORY_BYTES + (findModel(models.baseModel)?.memoryBytes ?? 0);
        const available = await readAvailableMemory();
        const detail = `${formatBytes(available)} of ${formatBytes(os.totalmem())} available, about ${formatBytes(needed)} needed with ${models.baseModel}`;
        const remedy = 'Close other programs, or choose a smaller model: npm run models -- list';
        if (os.totalmem() < needed) return failed(detail, remedy);
        return available < needed ? warning(detail, remedy) : ok(detail);
      },
    },
    {
      id: 'data-dir',
      title: 'Data directory',
      async run() {
        const existing = await findExisting(env.dataDir);
        try {
          await access(existing, constants.W_OK);
          return ok(existing === env.dataDir ? `${env.dataDir} is writable` : `${env.dataDir} can be created`);
        } catch {
          return failed(
            `this user may not write to ${existing}`,
            'Change its owner, or set LOREHOUSE_DATA_DIR to a directory of yours.',
          );
        }
      },
    },
    {
      id: 'socket-path',
      title: 'Socket paths',
      async run() {
        const longest = path.join(layout.databaseSocketDir, '.s.PGSQL.5432.lock');
        const bytes = Buffer.byteLength(longest);
        return bytes <= MAX_SOCKET_PATH_BYTES
          ? ok(`${bytes} of ${MAX_SOCKET_PATH_BYTES} bytes, in ${layout.databaseSocketDir}`)
          : failed(`${longest} has ${bytes} bytes`, 'Set LOREHOUSE_DATA_DIR or TMPDIR to a shorter path.');
      },
    },
    {
      id: 'lock',
      title: 'Running product',
      async run() {
        const holder = await readLockHolder(layout.lockFile);
        if (holder !== null) return ok(`runs on this data directory as process ${holder.pid} on ${holder.hostname}`);
        const isLeft = (await stat(layout.lockFile).catch(() => null)) !== null;
        return ok(isLeft ? 'none; the lock file of a killed one will be taken over' : 'none');
      },
    },
    {
      id: 'port',
      title: 'Port',
      async run() {
        try {
          await claimPort(env.host, env.port);
          return ok(`${env.host}:${env.port} is free`);
        } catch (error) {
          if (!AppError.isInstance(error)) throw error;
          const holder = await readLockHolder(layout.lockFile);
          if (error.code === 'port.in-use' && holder !== null) {
            return ok(`${env.host}:${env.port} is in use while the product runs (process ${holder.pid})`);
          }
          return failed(error.message, 'Set PORT or HOST.');
        }
      },
    },
    {
      id: 'threads',
      title: 'Threads',
      async run() {
        const cores = os.availableParallelism();
        const threads = env.threads ?? Math.max(1, cores - 1);
        const detail = `${threads} for inference, ${cores} cores`;
        return threads > cores
          ? warning(
              detail,
              'Set LOREHOUSE_THREADS to the number of cores at most: more threads than cores slow inference hundredfold.',
            )
          : ok(detail);
      },
    },
    {
      id: 'gpu',
      title: 'GPU',
      async run() {
        const { stdout } = await run(process.execPath, [GPU_PROBE, env.gpu], { timeout: GPU_PROBE_TIMEOUT_MS }).catch(
          () => ({ stdout: '' }),
        );
        const lastLine = stdout.trim().split('\n').at(-1) ?? '';
        if (!lastLine.startsWith('{')) {
          const remedy = 'Set LOREHOUSE_GPU=off to use the processor, or check the graphics driver.';
          return env.gpu === 'auto' || env.gpu === 'off'
            ? warning('the inference library did not load in a probe', remedy)
            : failed(`LOREHOUSE_GPU=${env.gpu} does not work here`, remedy);
        }
        const gpu = gpuSchema.parse(JSON.parse(lastLine));
        const backends = gpu.available.filter((name) => name !== false);
        const usable = backends.length === 0 ? 'none usable' : `usable: ${backends.join(', ')}`;
        const chosen =
          gpu.chosen === false ? 'the processor' : `${gpu.chosen} (${gpu.devices.join(', ') || 'unnamed'})`;
        return ok(`${usable}; LOREHOUSE_GPU=${env.gpu} chooses ${chosen}`);
      },
    },
  ];
}
