import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describeDataDir } from '#lib/config/data-dir.ts';
import { loadEnv } from '#lib/config/env.ts';
import { SUPERVISED_VARIABLE } from '#lib/config/exit-with-parent.ts';
import { createRuntimeClient, type HttpRuntimeClient } from '#lib/runtime/client.ts';
import { allocatorEnvironment } from '#lib/runtime/server/allocator.ts';

const POLL_MS = 200;

/** The inference server of the product as a process of its own over a data directory, ready to answer. */
export async function startRuntime(
  dataDir: string,
  threads: number,
): Promise<{ readonly client: HttpRuntimeClient; readonly pid: number; readonly close: () => Promise<void> }> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, '../runtime.ts')], {
    env: {
      ...allocatorEnvironment,
      ...process.env,
      [SUPERVISED_VARIABLE]: '1',
      LOREHOUSE_DATA_DIR: dataDir,
      LOREHOUSE_MODELS_DIR: loadEnv().modelsDir,
      LOREHOUSE_THREADS: String(threads),
      RUNTIME_URL: '',
      LOG_LEVEL: 'error',
    },
    // The input is the pipe whose end tells the child that its parent is gone.
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const exited = once(child, 'exit');
  const client = createRuntimeClient({ socketPath: describeDataDir(dataDir).runtimeSocket });
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the inference server ended with ${child.exitCode}`);
    const status = await client.readStatus().catch(() => null);
    if (status?.state === 'ready') break;
    if (status?.state === 'degraded') throw new Error(status.problems.join('; '));
    await delay(POLL_MS);
  }
  return {
    client,
    pid: child.pid ?? 0,
    async close() {
      await client.close();
      child.kill('SIGTERM');
      await exited;
    },
  };
}
