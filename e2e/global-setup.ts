import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';

/** What specs need to know of the running product; written to a file because workers are other processes. */
export interface RunningProduct {
  readonly baseUrl: string;
  readonly setupUrl: string;
  readonly dataDir: string;
  readonly supervisorPid: number;
}

export const stateFile = path.join('test-results', 'product.json');

/** The first start on a fresh checkout builds the pages; on a slow machine that takes minutes. */
const READY_TIMEOUT_MS = 8 * 60_000;
/** The promise of the product: Ctrl-C stops everything within 5 s. */
const STOP_TIMEOUT_MS = 5_000;

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        address !== null && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}

function waitForReady(child: ChildProcess, logFile: string): Promise<{ baseUrl: string; setupUrl: string }> {
  return new Promise((resolve, reject) => {
    let output = '';
    const log = createWriteStream(logFile);
    const timer = setTimeout(() => reject(new Error(`not ready in time; see ${logFile}`)), READY_TIMEOUT_MS);
    const onData = (data: Buffer) => {
      log.write(data);
      output += data.toString();
      const ready = /Lorehouse is ready at (http:\/\/\S+)/.exec(output);
      const setup = /(http:\/\/\S+\/setup\?token=\S+)/.exec(output);
      if (ready?.[1] && setup?.[1]) {
        clearTimeout(timer);
        resolve({ baseUrl: ready[1].replace(/[/.]+$/, ''), setupUrl: setup[1] });
      }
    };
    child.stdout?.on('data', onData);
    child.stderr?.on('data', onData);
    child.on('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`the product stopped with exit code ${code} before it was ready:\n${output.slice(-4000)}`));
    });
  });
}

export default async function startProduct(): Promise<() => Promise<void>> {
  const dataDir = await mkdtemp(path.join(os.tmpdir(), 'lorehouse-e2e-'));
  await mkdir('test-results', { recursive: true });
  const port = await findFreePort();
  const child = spawn(process.execPath, ['scripts/start.ts'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      NODE_ENV: 'production',
      PORT: String(port),
      LOREHOUSE_DATA_DIR: dataDir,
      LOREHOUSE_MODELS_DIR: process.env['LOREHOUSE_MODELS_DIR'] ?? path.resolve('.data/models'),
      DATABASE_URL: '',
      RUNTIME_URL: '',
    },
  });
  const stop = async () => {
    const startedAt = Date.now();
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    if (child.exitCode === null) {
      child.kill('SIGINT');
      const killer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS * 4);
      await exited;
      clearTimeout(killer);
    }
    await rm(dataDir, { recursive: true, force: true });
    const took = Date.now() - startedAt;
    if (took > STOP_TIMEOUT_MS * 2) throw new Error(`stopping took ${took} ms; ${STOP_TIMEOUT_MS} ms are promised`);
  };
  try {
    const { baseUrl, setupUrl } = await waitForReady(child, path.join('test-results', 'product.log'));
    const product: RunningProduct = { baseUrl, setupUrl, dataDir, supervisorPid: child.pid ?? 0 };
    await writeFile(stateFile, JSON.stringify(product));
    process.env['E2E_BASE_URL'] = baseUrl;
    return stop;
  } catch (error) {
    await stop();
    throw error;
  }
}
