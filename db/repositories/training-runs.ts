import { and, asc, desc, eq, inArray, lt, sql } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import { runs } from '#db/schema/runs.ts';
import { trainingLog, trainingPoints, trainingRuns, trainingSamples } from '#db/schema/training.ts';
import type { Authorized } from '#lib/domain/access.ts';

export type TrainingRun = typeof trainingRuns.$inferSelect;
export type TrainingPoint = typeof trainingPoints.$inferSelect;
export type TrainingSample = typeof trainingSamples.$inferSelect;
export type TrainingLogEntry = typeof trainingLog.$inferSelect;
type Run = typeof runs.$inferSelect;

type NewTrainingRun = Omit<typeof trainingRuns.$inferInsert, 'workspaceId' | 'createdAt'>;

export async function insertTrainingRun(
  db: DatabaseExecutor,
  access: Authorized<'adapter.write'>,
  run: NewTrainingRun,
): Promise<TrainingRun> {
  const [row] = await db
    .insert(trainingRuns)
    .values({ ...run, workspaceId: access.workspaceId })
    .returning();
  if (!row) throw new Error('insert of a training run returned no row');
  return row;
}

export interface TrainingWithRun {
  readonly training: TrainingRun;
  readonly run: Run;
}

const joinRun = and(eq(runs.workspaceId, trainingRuns.workspaceId), eq(runs.id, trainingRuns.runId));

export async function findTrainingRun(
  db: DatabaseExecutor,
  access: Authorized<'adapter.read' | 'adapter.write'>,
  id: string,
): Promise<TrainingWithRun | undefined> {
  const [row] = await db
    .select({ training: trainingRuns, run: runs })
    .from(trainingRuns)
    .innerJoin(runs, joinRun)
    .where(and(eq(trainingRuns.workspaceId, access.workspaceId), eq(trainingRuns.id, id)));
  return row;
}

/** Newest first. */
export async function listTrainingRuns(
  db: DatabaseExecutor,
  access: Authorized<'adapter.read'>,
  limit: number,
): Promise<TrainingWithRun[]> {
  return db
    .select({ training: trainingRuns, run: runs })
    .from(trainingRuns)
    .innerJoin(runs, joinRun)
    .where(eq(trainingRuns.workspaceId, access.workspaceId))
    .orderBy(desc(trainingRuns.createdAt), desc(trainingRuns.id))
    .limit(limit);
}

export async function updateTrainingRun(
  db: DatabaseExecutor,
  access: Authorized<'adapter.write'>,
  id: string,
  changes: Partial<Pick<TrainingRun, 'plan' | 'outcome' | 'artifactSha256' | 'resultVersionId'>>,
): Promise<void> {
  await db
    .update(trainingRuns)
    .set(changes)
    .where(and(eq(trainingRuns.workspaceId, access.workspaceId), eq(trainingRuns.id, id)));
}

type PointInput = Pick<TrainingPoint, 'kind' | 'step' | 'loss' | 'learningRate' | 'gradientNorm' | 'tokensPerSecond'>;

/** Steps that a resumed run did again replace what they were. */
export async function saveTrainingPoints(
  db: DatabaseExecutor,
  access: Authorized<'adapter.write'>,
  trainingRunId: string,
  points: readonly PointInput[],
): Promise<void> {
  if (points.length === 0) return;
  const { workspaceId } = access;
  await db
    .insert(trainingPoints)
    .values(points.map((point) => ({ ...point, workspaceId, trainingRunId })))
    .onConflictDoUpdate({
      target: [trainingPoints.trainingRunId, trainingPoints.kind, trainingPoints.step],
      set: {
        loss: sql`excluded.loss`,
        learningRate: sql`excluded.learning_rate`,
        gradientNorm: sql`excluded.gradient_norm`,
        tokensPerSecond: sql`excluded.tokens_per_second`,
        createdAt: sql`now()`,
      },
    });
}

/** In order of steps. */
export async function listTrainingPoints(
  db: DatabaseExecutor,
  access: Authorized<'adapter.read'>,
  trainingRunId: string,
): Promise<TrainingPoint[]> {
  return db
    .select()
    .from(trainingPoints)
    .where(and(eq(trainingPoints.workspaceId, access.workspaceId), eq(trainingPoints.trainingRunId, trainingRunId)))
    .orderBy(asc(trainingPoints.step));
}

/** One answer to one question at one step; a second one replaces the first. */
export async function saveTrainingSample(
  db: DatabaseExecutor,
  access: Authorized<'adapter.write'>,
  sample: Omit<TrainingSample, 'workspaceId' | 'createdAt'>,
): Promise<void> {
  const { answer, finishReason, adapterSha256 } = sample;
  await db
    .insert(trainingSamples)
    .values({ ...sample, workspaceId: access.workspaceId })
    .onConflictDoUpdate({
      target: [trainingSamples.trainingRunId, trainingSamples.step, trainingSamples.question],
      set: { answer, finishReason, adapterSha256, createdAt: sql`now()` },
    });
}

/** By step, then by question. */
export async function listTrainingSamples(
  db: DatabaseExecutor,
  access: Authorized<'adapter.read' | 'adapter.write'>,
  trainingRunId: string,
): Promise<TrainingSample[]> {
  return db
    .select()
    .from(trainingSamples)
    .where(and(eq(trainingSamples.workspaceId, access.workspaceId), eq(trainingSamples.trainingRunId, trainingRunId)))
    .orderBy(asc(trainingSamples.step), asc(trainingSamples.question));
}

export async function appendTrainingLog(
  db: DatabaseExecutor,
  access: Authorized<'adapter.write'>,
  trainingRunId: string,
  entry: Pick<TrainingLogEntry, 'level' | 'message'>,
): Promise<void> {
  await db.insert(trainingLog).values({ ...entry, workspaceId: access.workspaceId, trainingRunId });
}

/** The newest `limit` entries, newest first. */
export async function listTrainingLog(
  db: DatabaseExecutor,
  access: Authorized<'adapter.read'>,
  trainingRunId: string,
  limit: number,
): Promise<TrainingLogEntry[]> {
  return db
    .select()
    .from(trainingLog)
    .where(and(eq(trainingLog.workspaceId, access.workspaceId), eq(trainingLog.trainingRunId, trainingRunId)))
    .orderBy(desc(trainingLog.sequence))
    .limit(limit);
}

/**
 * Training runs of the whole installation that were asked for before this one and are not over: they share its device. A
 * number, and nothing else about other workspaces.
 */
export async function countTrainingsAhead(
  db: DatabaseExecutor,
  _access: Authorized<'adapter.read'>,
  run: Pick<Run, 'createdAt'>,
): Promise<number> {
  const [row] = await db
    .select({ count: sql<number>`count(*)::int` })
    .from(runs)
    .where(
      and(
        eq(runs.kind, 'adapter.train'),
        inArray(runs.state, ['queued', 'running']),
        lt(runs.createdAt, run.createdAt),
      ),
    );
  return row?.count ?? 0;
}
