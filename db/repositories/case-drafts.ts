import { and, asc, desc, eq, inArray, sql } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import { caseDraftSets, caseDrafts } from '#db/schema/evaluation.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';
import { notFound } from '#lib/domain/errors.ts';

export type CaseDraftSet = typeof caseDraftSets.$inferSelect;
export type CaseDraft = typeof caseDrafts.$inferSelect;
export type DraftState = CaseDraft['state'];
type Write = Authorized<'evaluation.write'>;

export async function insertDraftSet(
  tx: DatabaseExecutor,
  access: Write,
  values: Pick<CaseDraftSet, 'suiteId' | 'suiteName' | 'settings' | 'createdBy'>,
): Promise<CaseDraftSet> {
  const [row] = await tx
    .insert(caseDraftSets)
    .values({ ...values, workspaceId: access.workspaceId })
    .returning();
  if (!row) throw new Error('insert of a draft set returned no row');
  return row;
}

const setOf = (access: Authorized<Permission>, draftSetId: string) =>
  and(eq(caseDraftSets.workspaceId, access.workspaceId), eq(caseDraftSets.id, draftSetId));

/** @throws AppError `draft.not-found` */
export async function findDraftSet(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  draftSetId: string,
): Promise<CaseDraftSet> {
  const [row] = await db.select().from(caseDraftSets).where(setOf(access, draftSetId));
  if (!row) throw notFound('draft');
  return row;
}

/** Take the set until the transaction ends: acts of review come one after another. @throws AppError `draft.not-found` */
export async function lockDraftSet(tx: DatabaseExecutor, access: Write, draftSetId: string): Promise<CaseDraftSet> {
  const [row] = await tx.select().from(caseDraftSets).where(setOf(access, draftSetId)).for('update');
  if (!row) throw notFound('draft');
  return row;
}

export async function updateDraftSet(
  tx: DatabaseExecutor,
  access: Write,
  draftSetId: string,
  changes: Partial<Pick<CaseDraftSet, 'suiteId' | 'suiteName' | 'report' | 'position'>>,
): Promise<void> {
  await tx.update(caseDraftSets).set(changes).where(setOf(access, draftSetId));
}

/** With its drafts. @returns false: there is none in the workspace */
export async function deleteDraftSet(tx: DatabaseExecutor, access: Write, draftSetId: string): Promise<boolean> {
  const rows = await tx.delete(caseDraftSets).where(setOf(access, draftSetId)).returning({ id: caseDraftSets.id });
  return rows.length > 0;
}

export interface DraftSetCounts {
  readonly set: CaseDraftSet;
  readonly counts: Readonly<Record<DraftState, number>>;
}

/** Newest first. @param suiteId undefined: of every suite, and of those that are still to be made */
export async function listDraftSets(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  suiteId?: string,
): Promise<DraftSetCounts[]> {
  const sets = await db
    .select()
    .from(caseDraftSets)
    .where(
      and(
        eq(caseDraftSets.workspaceId, access.workspaceId),
        suiteId === undefined ? undefined : eq(caseDraftSets.suiteId, suiteId),
      ),
    )
    .orderBy(desc(caseDraftSets.createdAt), desc(caseDraftSets.id));
  if (sets.length === 0) return [];
  const counts = await db
    .select({ draftSetId: caseDrafts.draftSetId, state: caseDrafts.state, count: sql<number>`count(*)::int` })
    .from(caseDrafts)
    .where(
      and(
        eq(caseDrafts.workspaceId, access.workspaceId),
        inArray(
          caseDrafts.draftSetId,
          sets.map(({ id }) => id),
        ),
      ),
    )
    .groupBy(caseDrafts.draftSetId, caseDrafts.state);
  return sets.map((set) => {
    const own = counts.filter(({ draftSetId }) => draftSetId === set.id);
    const countOf = (state: DraftState) => own.find((each) => each.state === state)?.count ?? 0;
    return {
      set,
      counts: {
        open: countOf('open'),
        accepted: countOf('accepted'),
        dropped: countOf('dropped'),
        taken: countOf('taken'),
      },
    };
  });
}

/** In the order of the plan. */
export async function listDrafts(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  draftSetId: string,
): Promise<CaseDraft[]> {
  return db
    .select()
    .from(caseDrafts)
    .where(and(eq(caseDrafts.workspaceId, access.workspaceId), eq(caseDrafts.draftSetId, draftSetId)))
    .orderBy(asc(caseDrafts.ordinal));
}

/** One that is there already, written by a worker that lost its claim, stays. */
export async function insertDraft(
  tx: DatabaseExecutor,
  access: Write,
  draft: Pick<CaseDraft, 'draftSetId' | 'ordinal' | 'content' | 'doubt'>,
): Promise<void> {
  await tx
    .insert(caseDrafts)
    .values({ ...draft, workspaceId: access.workspaceId })
    .onConflictDoNothing();
}

/** Of those that stand in no revision yet. @returns how many there were */
export async function updateDrafts(
  tx: DatabaseExecutor,
  access: Write,
  draftSetId: string,
  draftIds: readonly string[],
  changes: Partial<Pick<CaseDraft, 'content' | 'doubt' | 'state' | 'reviewedBy'>>,
): Promise<number> {
  if (draftIds.length === 0) return 0;
  const rows = await tx
    .update(caseDrafts)
    .set(changes)
    .where(
      and(
        eq(caseDrafts.workspaceId, access.workspaceId),
        eq(caseDrafts.draftSetId, draftSetId),
        inArray(caseDrafts.id, [...draftIds]),
        inArray(caseDrafts.state, ['open', 'accepted', 'dropped']),
      ),
    )
    .returning({ id: caseDrafts.id });
  return rows.length;
}
