import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { SUPERVISED_VARIABLE } from '#lib/config/exit-with-parent.ts';
import { tryLock } from '#lib/config/process-lock.ts';

/** What the pages are made from. Tests, migrations and scripts are not. */
const SOURCE_ROOTS = ['app', 'lib', 'db', 'public'];
const SOURCE_FILES = ['package-lock.json', 'next.config.ts', 'postcss.config.mjs', 'tsconfig.json'];
const NOT_SOURCES = /\.test\.tsx?$|(^|\/)(migrations|testing|seeds)\//;
const LOCK_POLL_MS = 500;
const TAIL_LINES = 40;

const stampSchema = z.object({ key: z.string(), buildId: z.string() });

async function listSources(root: string): Promise<string[]> {
  const found: string[] = [];
  for (const folder of SOURCE_ROOTS) {
    const entries = await readdir(path.join(root, folder), { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const file = path.relative(root, path.join(entry.parentPath, entry.name));
      if (entry.isFile() && !NOT_SOURCES.test(file.split(path.sep).join('/'))) found.push(file);
    }
  }
  return [...found, ...SOURCE_FILES].sort();
}

/** Changes when any source of the pages changes, whatever the files' times say. */
export async function computeBuildKey(root: string): Promise<string> {
  const hash = createHash('sha256').update(process.version);
  for (const file of await listSources(root)) {
    const content = await readFile(path.join(root, file)).catch(() => null);
    if (content !== null) hash.update(`\0${file}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

function stampFile(root: string): string {
  return path.join(root, '.next', 'lorehouse-build.json');
}

async function readBuildId(root: string): Promise<string | null> {
  return readFile(path.join(root, '.next', 'BUILD_ID'), 'utf8').catch(() => null);
}

/** Whether the pages are built from exactly these sources. */
export async function isBuilt(root: string, key: string): Promise<boolean> {
  try {
    const stamp = stampSchema.parse(JSON.parse(await readFile(stampFile(root), 'utf8')));
    return stamp.key === key && stamp.buildId === (await readBuildId(root));
  } catch {
    return false;
  }
}

export interface WebBuildOptions {
  readonly root: string;
  readonly logFile: string;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly onWaiting: (pid: number) => void;
}

/**
 * Build the pages with `next build` unless they are built from the same sources already. One build at a time in a checkout.
 * @returns whether a build ran
 * @throws Error with the end of the build's output
 */
export async function ensureWebBuild(options: WebBuildOptions): Promise<boolean> {
  const key = await computeBuildKey(options.root);
  if (await isBuilt(options.root, key)) return false;
  for (;;) {
    options.signal.throwIfAborted();
    const attempt = await tryLock(path.join(options.root, '.cache', 'web-build.lock'), 'web build');
    if ('lock' in attempt) {
      try {
        if (await isBuilt(options.root, key)) return false;
        await rm(stampFile(options.root), { force: true });
        await runBuild(options);
        const buildId = await readBuildId(options.root);
        if (buildId === null) throw new Error(`next build left no .next/BUILD_ID; see ${options.logFile}`);
        await writeFile(stampFile(options.root), JSON.stringify({ key, buildId }));
        return true;
      } finally {
        await attempt.lock.release();
      }
    }
    options.onWaiting(attempt.holder.pid);
    await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
  }
}

async function runBuild(options: WebBuildOptions): Promise<void> {
  await mkdir(path.dirname(options.logFile), { recursive: true });
  const log = createWriteStream(options.logFile, { flags: 'w' });
  let tail: string[] = [];
  const child = spawn(process.execPath, [path.join(options.root, 'node_modules/next/dist/bin/next'), 'build'], {
    cwd: options.root,
    env: { ...options.env, NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1', [SUPERVISED_VARIABLE]: undefined },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const stop = () => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  };
  options.signal.addEventListener('abort', stop, { once: true });
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', (line) => {
      log.write(`${line}\n`);
      tail = [...tail.slice(1 - TAIL_LINES), line];
    });
  }
  const outcome = await new Promise<string | null>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(code === 0 ? null : `it ended with ${signal ?? `code ${code}`}`));
  });
  options.signal.removeEventListener('abort', stop);
  await new Promise<void>((resolve) => log.end(resolve));
  options.signal.throwIfAborted();
  if (outcome !== null)
    throw new Error(`building the pages failed: ${outcome} (${options.logFile})\n${tail.join('\n')}`);
}
