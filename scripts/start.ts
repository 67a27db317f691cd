/**
 * `npm start`: brings the whole product up on one machine and keeps it up.
 *
 * Order: settings, port, lock on the data directory, models, pages, database, runtime, worker, web. Each process also runs
 * alone (`node scripts/worker.ts`); this one only starts, watches, restarts and stops them. What it guarantees: one product
 * a data directory, nothing left running after it ends, even by `kill -9`.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { access, constants, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';
import { z } from 'zod';
import { ENGINE_STACK_KIB } from '#db/embedded/engine-stack.ts';
import { loadOrCreateSecret } from '#lib/auth/secret.ts';
import { describeDataDir } from '#lib/config/data-dir.ts';
import { loadEnv } from '#lib/config/env.ts';
import { SUPERVISED_VARIABLE } from '#lib/config/exit-with-parent.ts';
import { type ProcessLock, tryLock } from '#lib/config/process-lock.ts';
import { AppError } from '#lib/domain/errors.ts';
import { chooseModels, type ModelRole } from '#lib/models/model-choice.ts';
import { allocatorEnvironment } from '#lib/runtime/server/allocator.ts';
import { ensureRoleModel } from './models/pull-defaults.ts';
import { acceptsConnections, claimPort, ownUrl, requireOk } from './start/network.ts';
import { createProgressBar } from './start/progress-bar.ts';
import { createReporter } from './start/reporter.ts';
import { type ProcessSpec, Supervisor } from './start/supervisor.ts';
import { ensureWebBuild } from './start/web-build.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
/** A first database on a busy machine took 30 s; a process that hangs must still be noticed. */
const READY_TIMEOUT_MS = 180_000;
/** Loading a large model from a slow disk takes minutes. */
const RUNTIME_READY_TIMEOUT_MS = 600_000;
/** pino's level for warnings. */
const WARN = 40;

const report = createReporter(process.stdout);
const cancel = new AbortController();
let lock: ProcessLock | null = null;

const supervisor = new Supervisor({
  onEvent: (event) => {
    switch (event.kind) {
      case 'ready':
        if (event.isRestart) report.line(`${event.name} is back after ${(event.afterMs / 1000).toFixed(1)} s`);
        return;
      case 'crashed':
        report.warn(`${event.name} ${event.reason}; restarting in ${event.restartInMs / 1000} s`);
        return;
      case 'line':
        report.childLine(event.name, event.stream, event.line, WARN);
        return;
    }
  },
});

let isStopping = false;
async function stop(exitCode: number): Promise<void> {
  if (isStopping) return;
  isStopping = true;
  cancel.abort(new Error('stopped'));
  const startedMs = performance.now();
  await supervisor.stop();
  await lock?.release();
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  if (lock !== null) report.line(`Stopped in ${seconds} s; nothing is left running.`);
  process.exit(exitCode);
}

/** Conventional exit codes of a process ended by a signal: 128 + its number. */
process.on('SIGINT', () => void stop(130));
process.on('SIGTERM', () => void stop(143));
process.on('SIGHUP', () => void stop(129));
// The launcher (scripts/bootstrap.mjs) holds the other end of this channel: it closes when the launcher is killed.
process.on('disconnect', () => void stop(1));
process.channel?.unref();

function scriptPath(name: string): string {
  const file = path.join(root, 'scripts', `${name}.ts`);
  if (!existsSync(file)) throw new Error(`scripts/${name}.ts is missing; restore it from the repository`);
  return file;
}

/** Run a script to its end. @returns its standard output. @throws Error with the end of its output */
async function runOnce(name: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(process.execPath, [scriptPath(name), ...args], {
    cwd: root,
    env: { ...env, [SUPERVISED_VARIABLE]: '1' },
    stdio: ['pipe', 'pipe', 'pipe'],
    signal: cancel.signal,
  });
  child.stdin.on('error', () => undefined);
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-4_000);
  });
  const failure = await new Promise<string | null>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(code === 0 ? null : `ended with ${signal ?? `code ${code}`}`));
  });
  cancel.signal.throwIfAborted();
  if (failure !== null) {
    throw new Error(`scripts/${name}.ts ${args.join(' ')} ${failure}:\n${output.slice(-2_000)}${errors}`.trim());
  }
  return output;
}

async function prepareDataDir(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    await access(dataDir, constants.W_OK);
  } catch (error) {
    throw new AppError({
      code: 'data-dir.not-writable',
      message: `cannot write to the data directory ${dataDir}: ${error instanceof Error ? error.message : String(error)}. Set LOREHOUSE_DATA_DIR to a directory of yours`,
      cause: error,
    });
  }
}

async function takeLock(lockFile: string, dataDir: string): Promise<ProcessLock> {
  const attempt = await tryLock(lockFile, 'npm start');
  if ('lock' in attempt) return attempt.lock;
  throw new AppError({
    code: 'data-dir.in-use',
    message: `Lorehouse already runs on ${dataDir} (process ${attempt.holder.pid} on ${attempt.holder.hostname}). Stop it first, or start on another directory and port: LOREHOUSE_DATA_DIR=.data-two PORT=3001 npm start`,
  });
}

const setupSchema = z.object({ setupPath: z.string().nullable() });

/** The one-time set-up link is the last line that scripts/prepare-database.ts prints, as JSON. */
function readSetupPath(output: string): string | null {
  return setupSchema.parse(JSON.parse(output.trim().split('\n').at(-1) ?? '')).setupPath;
}

const healthSchema = z.object({ state: z.string() });

async function isRuntimeReady(socketPath: string): Promise<boolean> {
  const agent = new Agent({ connect: { socketPath } });
  try {
    const response = await request('http://runtime/health', { dispatcher: agent });
    return healthSchema.parse(await response.body.json()).state !== 'loading';
  } finally {
    await agent.close();
  }
}

/** @returns the settings of the processes; a base model that could not be had stays named in them */
async function prepareModels(
  settings: ReturnType<typeof loadEnv>,
): Promise<{ baseModel: string; embeddingModel: string }> {
  const wanted = await chooseModels(settings);
  if (settings.runtimeUrl !== undefined) {
    report.step('models', `served by ${settings.runtimeUrl}`);
    return wanted;
  }
  const bring = async (role: ModelRole, id: string) => {
    const bar = createProgressBar(process.stdout);
    try {
      return await ensureRoleModel(role, id, settings, { onProgress: bar.show, signal: cancel.signal });
    } finally {
      bar.finish();
    }
  };
  const embedding = await bring('embedding', wanted.embeddingModel);
  report.step('embedding model', `${embedding.entry?.name ?? embedding.id}, checked`);
  if (wanted.baseModel === 'none') {
    report.step('base model', 'none, as set: answers are passages from the documents');
    return wanted;
  }
  try {
    const base = await bring('base', wanted.baseModel);
    report.step('base model', `${base.entry?.name ?? base.id}, checked`);
    return wanted;
  } catch (error) {
    cancel.signal.throwIfAborted();
    if (!AppError.isInstance(error)) throw error;
    report.warn(`no base model: ${error.message}`);
    report.warn('going on without: answers will be passages from the documents. The next start tries again.');
    // The inference server meets the same failure, and its status gives the reason.
    return wanted;
  }
}

async function main(): Promise<void> {
  const startedMs = performance.now();
  const settings = loadEnv();
  const layout = describeDataDir(settings.dataDir);
  const port = await claimPort(settings.host, settings.port);
  await prepareDataDir(settings.dataDir);
  lock = await takeLock(layout.lockFile, settings.dataDir);
  report.step('data directory', settings.dataDir);
  loadOrCreateSecret(layout.secretFile);
  await mkdir(layout.logsDir, { recursive: true });
  await mkdir(layout.databaseSocketDir, { recursive: true, mode: 0o700 });

  const models = await prepareModels(settings);
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    NODE_ENV: 'production',
    PORT: String(port),
    HOST: settings.host,
    LOREHOUSE_DATA_DIR: settings.dataDir,
    LOREHOUSE_MODELS_DIR: settings.modelsDir,
    BASE_MODEL: models.baseModel,
    EMBEDDING_MODEL: models.embeddingModel,
  };

  const buildStep = report.slowStep('pages', 'building');
  const hasBuilt = await ensureWebBuild({
    root,
    logFile: path.join(layout.logsDir, 'build.log'),
    env,
    signal: cancel.signal,
    onWaiting: (pid) => buildStep.note(`waiting for the build of process ${pid}`),
  }).finally(() => buildStep.stop());
  report.step('pages', hasBuilt ? `built in ${buildStep.seconds()} s` : 'built already');

  const describe = (
    name: string,
    rest: Pick<ProcessSpec, 'isReady' | 'stopTier'> & {
      readyTimeoutMs?: number;
      nodeFlags?: readonly string[];
      /** The user's own values win. */
      environment?: Readonly<Record<string, string>>;
    },
  ): ProcessSpec => ({
    name,
    command: process.execPath,
    args: [...(rest.nodeFlags ?? []), scriptPath(name)],
    cwd: root,
    env: { ...rest.environment, ...env },
    logFile: path.join(layout.logsDir, `${name}.log`),
    readyTimeoutMs: rest.readyTimeoutMs ?? READY_TIMEOUT_MS,
    isReady: rest.isReady,
    stopTier: rest.stopTier,
  });
  const start = async (spec: ProcessSpec, detail: string) => {
    const beganMs = performance.now();
    await supervisor.start(spec);
    report.step(spec.name, `${detail} (${((performance.now() - beganMs) / 1000).toFixed(1)} s)`);
  };

  if (settings.databaseUrl === undefined) {
    const socket = path.join(layout.databaseSocketDir, '.s.PGSQL.5432');
    await start(
      describe('embedded-db', {
        stopTier: 1,
        // Deeply nested JSON overflows the default stack and would end the engine.
        nodeFlags: [`--stack-size=${ENGINE_STACK_KIB}`],
        isReady: () => acceptsConnections(socket),
      }),
      'embedded PostgreSQL',
    );
  } else {
    report.step('database', 'yours, from DATABASE_URL');
  }
  const setupPath = readSetupPath(await runOnce('prepare-database', [], env));
  report.step('tables', 'up to date');
  if (settings.runtimeUrl === undefined) {
    await start(
      describe('runtime', {
        stopTier: 0,
        readyTimeoutMs: RUNTIME_READY_TIMEOUT_MS,
        environment: allocatorEnvironment,
        isReady: () => isRuntimeReady(layout.runtimeSocket),
      }),
      'models loaded',
    );
  }
  await start(describe('worker', { stopTier: 0, isReady: async (hasSaidReady) => hasSaidReady }), 'takes jobs');
  await runOnce('seed', ['demo'], env);
  report.step('demo workspace', 'present');
  const health = `${ownUrl(settings.host, port)}/api/health`;
  await start(describe('web', { stopTier: 0, isReady: () => requireOk(health) }), 'serves pages');

  const publicUrl = settings.port === port ? settings.publicUrl : ownUrl(settings.host, port);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
  report.line(
    `Lorehouse is ready at ${publicUrl} after ${seconds} s.${setupPath === null ? '' : ` Set it up once: ${publicUrl}${setupPath}`}`,
  );
}

try {
  await main();
} catch (error) {
  if (!isStopping) {
    report.fail(AppError.isInstance(error) || error instanceof Error ? error.message : String(error));
    await stop(1);
  }
}
