import { randomUUID } from 'node:crypto';
import { eq, sql } from 'drizzle-orm';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { claimRun, finishRun, insertRun, requestRunCancel, touchRun } from '#db/repositories/runs.ts';
import { runs } from '#db/schema/runs.ts';
import { workspaces } from '#db/schema/workspaces.ts';
import { describeDatabase } from '#db/testing/describe-database.ts';
import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import { AppError } from '#lib/domain/errors.ts';
import type { JobConsumer, JobQueue } from './job-queue.ts';
import { cancelRun, retryRun } from './manage-runs.ts';
import { chooseRetryDelayMs, performRun, reconcileRuns } from './perform-run.ts';

const never = new AbortController().signal;
const fail = () => Promise.reject(new AppError({ code: 'runtime.unavailable', message: 'gone', isRetryable: true }));
const succeed = () => Promise.resolve({});

describe('chooseRetryDelayMs', () => {
  it('doubles and stops at five minutes', () => {
    expect([1, 2, 3, 20].map(chooseRetryDelayMs)).toEqual([2000, 4000, 8000, 300_000]);
  });
});

describeDatabase('performRun', (getDatabase) => {
  async function setUp() {
    const { db } = getDatabase();
    const [workspace] = await db.insert(workspaces).values({ slug: randomUUID(), name: 'test' }).returning();
    if (!workspace) throw new Error('no workspace');
    const write = await authorizeSystem('test', workspace.id, 'document.write');
    const cancel = await authorizeSystem('test', workspace.id, 'run.cancel');
    const run = await insertRun(db, write, {
      kind: 'document.ingest',
      subjectId: randomUUID(),
      title: 'manual.pdf',
      createdBy: null,
    });
    const enqueued: { runId: string; startAfterMs: number }[] = [];
    const queue: JobQueue & Pick<JobConsumer, 'redeliver'> = {
      open: () => Promise.resolve(),
      enqueue(_tx, _kind, payload, options) {
        enqueued.push({ runId: payload.runId, startAfterMs: options?.startAfterMs ?? 0 });
        return Promise.resolve();
      },
      redeliver(_kind, payloads) {
        enqueued.push(...payloads.map(({ runId }) => ({ runId, startAfterMs: 0 })));
        return Promise.resolve();
      },
    };
    const deps = { db, queue, logger: pino({ level: 'silent' }) };
    const payload = { workspaceId: workspace.id, runId: run.id };
    const read = async () => {
      const [row] = await db.select().from(runs).where(eq(runs.id, run.id));
      if (!row) throw new Error('the run is gone');
      return row;
    };
    return { db, deps, payload, read, enqueued, cancel, run };
  }

  it('lets one of two deliveries work and makes the other a no-op', async () => {
    const { deps, payload, read } = await setUp();
    let calls = 0;
    const work = () => {
      calls += 1;
      return Promise.resolve({ chunkCount: 3 });
    };
    const results = await Promise.all([
      performRun(deps, 'document.ingest', payload, work, never),
      performRun(deps, 'document.ingest', payload, work, never),
    ]);
    expect(results.sort()).toEqual(['skipped', 'succeeded']);
    expect(calls).toBe(1);
    expect(await performRun(deps, 'document.ingest', payload, work, never)).toBe('skipped');
    expect(await read()).toMatchObject({
      state: 'succeeded',
      attempt: 1,
      details: { chunkCount: 3 },
      claimToken: null,
    });
  });

  it('writes how a run ended as soon as the database is back', async () => {
    for (const [work, result, state] of [
      [succeed, 'succeeded', 'succeeded'],
      [fail, 'retrying', 'queued'],
    ] as const) {
      const { db, deps, payload, read, enqueued } = await setUp();
      let isDown = false;
      let refusals = 0;
      const refuse = () => {
        refusals += 1;
        isDown = refusals < 2;
        throw new Error('Connection terminated unexpectedly');
      };
      const flaky = new Proxy(db, {
        get: (target, name, receiver) => (isDown ? refuse : Reflect.get(target, name, receiver)),
      });
      const dying = () => {
        isDown = true;
        return work();
      };
      expect(await performRun({ ...deps, db: flaky }, 'document.ingest', payload, dying, never)).toBe(result);
      expect(refusals).toBe(2);
      expect(await read()).toMatchObject({ state, attempt: 1, claimToken: null });
      expect(enqueued).toHaveLength(state === 'queued' ? 1 : 0);
    }
  });

  it('tries again after a retryable error, with a growing delay, and fails in words at the last attempt', async () => {
    const { deps, payload, read, enqueued } = await setUp();
    for (let attempt = 1; attempt < 5; attempt += 1) {
      expect(await performRun(deps, 'document.ingest', payload, fail, never)).toBe('retrying');
      expect(await read()).toMatchObject({ state: 'queued', attempt, errorCode: 'runtime.unavailable' });
    }
    expect(enqueued.map((job) => job.startAfterMs)).toEqual([2000, 4000, 8000, 16_000]);
    expect(await performRun(deps, 'document.ingest', payload, fail, never)).toBe('failed');
    expect(await read()).toMatchObject({ state: 'failed', attempt: 5, errorMessage: 'gone' });
  });

  it('says how far it came, also when that was over before anybody could read it', async () => {
    for (const handle of [
      succeed,
      () => Promise.reject(new AppError({ code: 'document.no-text', message: 'log', userMessage: 'Run OCR.' })),
    ]) {
      const { deps, payload, read } = await setUp();
      const result = await performRun(
        deps,
        'document.ingest',
        payload,
        async ({ report }) => {
          await report({ stage: 'embedding', done: 3, total: 8 });
          return handle();
        },
        never,
      );
      expect(await read()).toMatchObject(
        result === 'succeeded'
          ? { state: 'succeeded', stage: null, progressDone: 8, progressTotal: 8 }
          : { state: 'failed', stage: 'embedding', progressDone: 3, progressTotal: 8 },
      );
    }
  });

  it('does not try again what cannot succeed', async () => {
    const { deps, payload, read, enqueued } = await setUp();
    const error = new AppError({ code: 'document.no-text', message: 'log', userMessage: 'Run OCR.' });
    expect(await performRun(deps, 'document.ingest', payload, () => Promise.reject(error), never)).toBe('failed');
    expect(enqueued).toEqual([]);
    expect(await read()).toMatchObject({ state: 'failed', errorCode: 'document.no-text', errorMessage: 'Run OCR.' });
  });

  it('stops the handler when someone cancels', async () => {
    const { deps, payload, read, cancel, run } = await setUp();
    const result = await performRun(
      deps,
      'document.ingest',
      payload,
      async ({ signal, report }) => {
        await report({ stage: 'embedding', done: 1, total: 4 });
        await cancelRun(deps, cancel, run.id);
        await new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
        return {};
      },
      never,
    );
    expect(result).toBe('cancelled');
    expect(await read()).toMatchObject({ state: 'cancelled', stage: 'embedding', progressDone: 1, progressTotal: 4 });
  });

  it('cancels a queued run at once; its delivery then does nothing', async () => {
    const { deps, payload, read, cancel, run } = await setUp();
    await cancelRun(deps, cancel, run.id);
    expect(await read()).toMatchObject({ state: 'cancelled' });
    expect(await performRun(deps, 'document.ingest', payload, succeed, never)).toBe('skipped');
  });

  it('keeps a cancel that comes while the handler fails', async () => {
    const { deps, payload, read, cancel, run, enqueued } = await setUp();
    const result = await performRun(
      deps,
      'document.ingest',
      payload,
      async () => {
        await requestRunCancel(deps.db, cancel, run.id);
        throw new Error('connection lost');
      },
      never,
    );
    expect(result).toBe('cancelled');
    expect(await read()).toMatchObject({ state: 'cancelled' });
    expect(enqueued).toEqual([]);
  });

  it('hands the run back when the worker is told to stop, without spending an attempt', async () => {
    const { deps, payload, read, enqueued } = await setUp();
    const shutdown = new AbortController();
    const result = await performRun(
      deps,
      'document.ingest',
      payload,
      async ({ report }) => {
        shutdown.abort();
        await report({ stage: 'embedding', done: 0, total: 1 });
        return {};
      },
      shutdown.signal,
    );
    expect(result).toBe('released');
    expect(await read()).toMatchObject({ state: 'queued', attempt: 0, claimToken: null });
    expect(enqueued).toHaveLength(1);
  });

  it('frees the run of a worker that died and ignores what that worker still says', async () => {
    const { db, deps, payload, read, enqueued } = await setUp();
    const dead = await claimRun(db, payload.workspaceId, payload.runId);
    if (!dead) throw new Error('not claimed');
    await reconcileRuns(deps);
    expect(await read()).toMatchObject({ state: 'running' });
    await db.update(runs).set({ heartbeatAt: sql`now() - interval '1 minute'` }).where(eq(runs.id, payload.runId));
    await reconcileRuns(deps);
    expect(await read()).toMatchObject({ state: 'queued' });
    expect(enqueued.map((job) => job.runId)).toContain(payload.runId);
    expect(await performRun(deps, 'document.ingest', payload, succeed, never)).toBe('succeeded');
    expect(await touchRun(db, dead)).toEqual({ isHeld: false, isCancelRequested: false });
    expect(await finishRun(db, dead, { state: 'failed', errorCode: 'x', errorMessage: 'x' })).toBe(false);
    expect(await read()).toMatchObject({ state: 'succeeded', attempt: 2 });
  });

  it('puts a failed run back in line on request, but no other', async () => {
    const { deps, payload, cancel, run, enqueued } = await setUp();
    await expect(retryRun(deps, cancel, run.id)).rejects.toMatchObject({ code: 'run.not-retryable' });
    await performRun(
      deps,
      'document.ingest',
      payload,
      () => Promise.reject(new AppError({ code: 'document.unreadable', message: 'damaged' })),
      never,
    );
    expect(await retryRun(deps, cancel, run.id)).toMatchObject({ state: 'queued', attempt: 0, error: null });
    expect(enqueued).toHaveLength(1);
  });

  it('knows nothing of a run from another workspace', async () => {
    const mine = await setUp();
    const other = await setUp();
    await expect(cancelRun(mine.deps, mine.cancel, other.run.id)).rejects.toMatchObject({ code: 'run.not-found' });
    await expect(retryRun(mine.deps, mine.cancel, other.run.id)).rejects.toMatchObject({ code: 'run.not-found' });
    expect(await claimRun(mine.db, mine.payload.workspaceId, other.run.id)).toBeUndefined();
    expect(await other.read()).toMatchObject({ state: 'queued', cancelRequestedAt: null });
  });
});
