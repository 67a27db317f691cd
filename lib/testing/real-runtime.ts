import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describeDataDir } from '#lib/config/data-dir.ts';
import { loadEnv } from '#lib/config/env.ts';
import { SUPERVISED_VARIABLE } from '#lib/config/exit-with-parent.ts';

export interface RealRuntime {
  readonly dataDir: string;
  readonly socketPath: string;
  readonly adaptersDir: string;
  readonly process: ChildProcess;
  close(): Promise<void>;
}

/**
 * The real inference server with the default models, in its own process and with its own data directory. The models must
 * have been downloaded (`npm run models -- pull`).
 * @param overrides settings of the child, e.g. `{ BASE_MODEL: 'none' }`; a data directory given here is removed by `close`
 */
export async function startRealRuntime(overrides: Readonly<Record<string, string>> = {}): Promise<RealRuntime> {
  const dataDir = overrides['LOREHOUSE_DATA_DIR'] ?? (await mkdtemp(path.join(os.tmpdir(), 'real-runtime-')));
  const layout = describeDataDir(dataDir);
  const child = spawn(process.execPath, ['scripts/runtime.ts'], {
    env: {
      NODE_ENV: 'test',
      PATH: process.env['PATH'] ?? '',
      [SUPERVISED_VARIABLE]: '1',
      LOREHOUSE_DATA_DIR: dataDir,
      LOREHOUSE_MODELS_DIR: loadEnv().modelsDir,
      LOREHOUSE_THREADS: '1',
      LOREHOUSE_GPU: 'off',
      ...overrides,
    },
    // The input is the pipe whose end tells the child that a killed test run is gone.
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    let output = '';
    child.stderr?.on('data', (bytes: Buffer) => {
      output += bytes.toString();
    });
    child.stdout?.on('data', (bytes: Buffer) => {
      output += bytes.toString();
      if (output.includes('"msg":"ready"')) resolve();
    });
    void exited.then(() => reject(new Error(`the inference server ended before it was ready:\n${output}`)));
  });
  return {
    dataDir,
    socketPath: layout.runtimeSocket,
    adaptersDir: layout.adaptersDir,
    process: child,
    async close() {
      child.kill('SIGTERM');
      await exited;
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
