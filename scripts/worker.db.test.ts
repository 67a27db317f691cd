import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { expect, it, onTestFinished } from 'vitest';
import { runs } from '#db/schema/runs.ts';
import { describeDatabase } from '#db/testing/describe-database.ts';
import { describeDataDir } from '#lib/config/data-dir.ts';
import { addDocument } from '#lib/ingestion/add-document.ts';
import { createBlobStore } from '#lib/ingestion/blob-store.ts';
import { openPgBossQueue } from '#lib/jobs/pg-boss-queue.ts';
import { startFakeRuntime } from '#lib/runtime/fake.ts';
import { openIngestionStage, streamText } from '#lib/testing/ingestion-stage.ts';

const WORKER = path.join(import.meta.dirname, 'worker.ts');
const POLL_MS = 50;

describeDatabase('worker process', (getDatabase) => {
  it('killed while it embeds, goes on where it stood and makes the same index', async () => {
    const { db, address } = getDatabase();
    const stage = await openIngestionStage(db);
    const slow = await startFakeRuntime({ embedMs: 120 });
    const dataDir =
      'socketDir' in address
        ? path.dirname(address.socketDir)
        : await mkdtemp(path.join(os.tmpdir(), 'lorehouse-worker-'));
    const layout = describeDataDir(dataDir);
    await mkdir(path.dirname(layout.runtimeSocket), { recursive: true });
    await symlink(slow.socketPath, layout.runtimeSocket);
    const env = {
      ...process.env,
      LOREHOUSE_DATA_DIR: dataDir,
      DATABASE_URL: 'databaseUrl' in address ? address.databaseUrl : '',
      RUNTIME_URL: '',
      LOG_LEVEL: 'error',
    };
    const workers: ChildProcess[] = [];
    const startWorker = () => {
      const worker = spawn(process.execPath, [WORKER], { env, stdio: ['ignore', 'ignore', 'inherit'] });
      workers.push(worker);
      return worker;
    };
    const queue = await openPgBossQueue({
      db,
      role: 'send',
      onError: (error) => {
        throw error;
      },
    });
    onTestFinished(async () => {
      for (const worker of workers) worker.kill('SIGKILL');
      await queue.stop();
      await slow.close();
      await stage.close();
      if ('databaseUrl' in address)
        await rm(dataDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    });

    const text = Array.from(
      { length: 150 },
      (_, index) => `Step ${index}: turn the valve MX-${7000 + index} to the left until it stops, then wait.`,
    ).join('\n');
    const calm = await stage.addWorkspace();
    await stage.addText(calm, 'steps.txt', text);
    expect(await stage.performAll()).toEqual(['succeeded']);
    const expected = await stage.dumpIndex(calm.id);

    const workspace = await stage.addWorkspace();
    const blobs = createBlobStore(layout.blobsDir);
    const { runId } = await addDocument({ db, queue, blobs }, workspace.write, {
      fileName: 'steps.txt',
      stream: streamText(text),
    });
    if (runId === null) throw new Error('nothing to run');
    const first = startWorker();
    for (;;) {
      const run = await stage.readRun(runId);
      if (run.stage === 'embedding' && run.progressDone > 0) break;
      if (run.state === 'failed' || run.state === 'succeeded') throw new Error(`too late to kill: ${run.state}`);
      await delay(POLL_MS);
    }
    first.kill('SIGKILL');
    await once(first, 'exit');
    expect(await stage.readRun(runId)).toMatchObject({ state: 'running', attempt: 1 });
    // As if the time after which a silent worker is given up had passed.
    await db.update(runs).set({ heartbeatAt: sql`now() - interval '1 hour'` }).where(sql`${runs.id} = ${runId}`);
    const second = startWorker();
    for (;;) {
      const run = await stage.readRun(runId);
      if (run.state === 'succeeded') break;
      if (run.state === 'failed') throw new Error(`${run.errorCode}: ${run.errorMessage}`);
      await delay(POLL_MS);
    }
    expect(await stage.readRun(runId)).toMatchObject({ attempt: 2 });
    expect(await stage.dumpIndex(workspace.id)).toEqual(expected);

    const stoppedAt = performance.now();
    second.kill('SIGTERM');
    const [code] = await once(second, 'exit');
    expect(code).toBe(0);
    expect(performance.now() - stoppedAt).toBeLessThan(4000);
  });
});
