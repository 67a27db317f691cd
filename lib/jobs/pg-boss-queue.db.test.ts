import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { createDatabase } from '#db/client.ts';
import { describeDatabase } from '#db/testing/describe-database.ts';
import type { JobPayload } from './job-definitions.ts';
import { openPgBossQueue } from './pg-boss-queue.ts';

const payload = (): JobPayload => ({ workspaceId: randomUUID(), runId: randomUUID() });
const onError = (error: unknown) => {
  throw error;
};

describeDatabase('job queue', (getDatabase) => {
  async function openSender() {
    const sender = await openPgBossQueue({ db: getDatabase().db, role: 'send', onError });
    onTestFinished(() => sender.stop());
    return sender;
  }

  /** On a connection of its own, as another process has it. */
  async function openWorker() {
    const other = createDatabase(getDatabase().address);
    const worker = await openPgBossQueue({ db: other.db, role: 'work', onError });
    onTestFinished(async () => {
      await worker.stop();
      await other.close();
    });
    return worker;
  }

  it('delivers what was committed, once, to a worker on another connection, and nothing that was rolled back', async () => {
    const { db } = getDatabase();
    const sender = await openSender();
    const kept = payload();
    const undone = payload();
    await db
      .transaction(async (tx) => {
        await sender.enqueue(tx, 'document.ingest', undone);
        throw new Error('changed my mind');
      })
      .catch(() => undefined);
    await db.transaction((tx) => sender.enqueue(tx, 'document.ingest', kept));
    // A run that waits already gets no second delivery.
    await sender.enqueue(db, 'document.ingest', kept);

    const worker = await openWorker();
    const delivered: string[] = [];
    const last = payload();
    await new Promise<void>((resolve, reject) => {
      void worker
        .consume('document.ingest', { concurrency: 1 }, async (job) => {
          delivered.push(job.runId);
          // Jobs come in the order they were sent, so nothing else is under way when the last one is here.
          if (job.runId === kept.runId) {
            await sender.enqueue(db, 'document.ingest', last);
            worker.wake('document.ingest');
          }
          if (job.runId === last.runId) resolve();
        })
        .catch(reject);
    });
    expect(delivered).toEqual([kept.runId, last.runId]);
  });

  it('hands out jobs that a worker takes several of, each once, and those that come later', async () => {
    const { db } = getDatabase();
    const sender = await openSender();
    const waiting = Array.from({ length: 7 }, payload);
    for (const job of waiting) await sender.enqueue(db, 'dataset.freeze', job);
    const worker = await openWorker();
    const delivered: string[] = [];
    const last = payload();
    await new Promise<void>((resolve, reject) => {
      void worker
        .consume('dataset.freeze', { concurrency: 1, takenAtOnce: 3 }, async (job) => {
          delivered.push(job.runId);
          if (delivered.length === waiting.length) {
            await sender.enqueue(db, 'dataset.freeze', last);
            worker.wake('dataset.freeze');
          }
          if (job.runId === last.runId) resolve();
        })
        .catch(reject);
    });
    // Those that were taken at once come in any order.
    expect(delivered.toSorted()).toEqual([...waiting, last].map((job) => job.runId).toSorted());
    expect(delivered.at(-1)).toBe(last.runId);
  });

  it('lets no job wait for a long one that was taken with it, and runs no more at once than it may', async () => {
    const { db } = getDatabase();
    const sender = await openSender();
    const [long, ...short] = Array.from({ length: 6 }, payload);
    if (!long) throw new Error('no job');
    for (const job of [long, ...short]) await sender.enqueue(db, 'suite.draft', job);
    const worker = await openWorker();
    const done: string[] = [];
    let running = 0;
    let most = 0;
    await new Promise<void>((resolve, reject) => {
      const shortAreDone = new Promise<void>((settle) => {
        const handle = async (job: JobPayload) => {
          running += 1;
          most = Math.max(most, running);
          if (job.runId === long.runId) await shortAreDone;
          else await delay(20);
          running -= 1;
          done.push(job.runId);
          if (done.length === short.length) settle();
          if (done.length === short.length + 1) resolve();
        };
        worker.consume('suite.draft', { concurrency: 2, takenAtOnce: 4 }, handle).catch(reject);
      });
    });
    expect(done.at(-1)).toBe(long.runId);
    expect(done.toSorted()).toEqual([long, ...short].map((job) => job.runId).toSorted());
    expect(most).toBe(2);
  });
});
