import { and, asc, desc, eq, inArray } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import { documents } from '#db/schema/documents.ts';
import { goldenPassages, goldenQuestions, retrievalEvaluations } from '#db/schema/retrieval.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';

export type GoldenQuestion = typeof goldenQuestions.$inferSelect;
export type GoldenPassage = typeof goldenPassages.$inferSelect;
export type StoredEvaluation = typeof retrievalEvaluations.$inferSelect;
export type NewGoldenPassage = Pick<
  GoldenPassage,
  'documentId' | 'versionId' | 'pageNumber' | 'startOffset' | 'endOffset' | 'text'
>;

/** Oldest first, each with its passages in documents that are not deleted. */
export async function listGoldenQuestions(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
): Promise<
  (GoldenQuestion & { readonly passages: readonly (GoldenPassage & { readonly documentTitle: string })[] })[]
> {
  const questions = await db
    .select()
    .from(goldenQuestions)
    .where(eq(goldenQuestions.workspaceId, access.workspaceId))
    .orderBy(asc(goldenQuestions.createdAt), asc(goldenQuestions.id));
  const rows = await db
    .select({ passage: goldenPassages, documentTitle: documents.title, deletedAt: documents.deletedAt })
    .from(goldenPassages)
    .innerJoin(documents, eq(documents.id, goldenPassages.documentId))
    .where(eq(goldenPassages.workspaceId, access.workspaceId))
    .orderBy(asc(goldenPassages.createdAt));
  return questions.map((question) => ({
    ...question,
    passages: rows
      .filter(({ passage, deletedAt }) => passage.questionId === question.id && deletedAt === null)
      .map(({ passage, documentTitle }) => ({ ...passage, documentTitle })),
  }));
}

/** The question's row with this kind; made when there is none. Turning it unanswerable forgets its passages. */
export async function ensureGoldenQuestion(
  tx: DatabaseExecutor,
  access: Authorized<'evaluation.write'>,
  wanted: Pick<GoldenQuestion, 'question' | 'kind' | 'createdBy'>,
): Promise<GoldenQuestion> {
  const { workspaceId } = access;
  const [row] = await tx
    .insert(goldenQuestions)
    .values({ ...wanted, workspaceId })
    .onConflictDoUpdate({
      target: [goldenQuestions.workspaceId, goldenQuestions.question],
      set: { kind: wanted.kind },
    })
    .returning();
  if (!row) throw new Error('a golden question that was just stored is not there');
  if (wanted.kind === 'unanswerable') {
    await tx
      .delete(goldenPassages)
      .where(and(eq(goldenPassages.workspaceId, workspaceId), eq(goldenPassages.questionId, row.id)));
  }
  return row;
}

export async function insertGoldenPassage(
  tx: DatabaseExecutor,
  access: Authorized<'evaluation.write'>,
  questionId: string,
  { documentId, versionId, pageNumber, startOffset, endOffset, text }: NewGoldenPassage,
): Promise<void> {
  const { workspaceId } = access;
  await tx
    .insert(goldenPassages)
    // Field by field: a chunk is such a passage too, and its id, taken along, would let it be marked for one question only.
    .values({ documentId, versionId, pageNumber, startOffset, endOffset, text, workspaceId, questionId })
    .onConflictDoNothing({
      target: [
        goldenPassages.questionId,
        goldenPassages.versionId,
        goldenPassages.pageNumber,
        goldenPassages.startOffset,
      ],
    });
}

/** @returns false: there are none of these in the workspace */
export async function deleteGoldenPassages(
  db: DatabaseExecutor,
  access: Authorized<'evaluation.write'>,
  passageIds: readonly string[],
): Promise<boolean> {
  if (passageIds.length === 0) return false;
  const rows = await db
    .delete(goldenPassages)
    .where(and(eq(goldenPassages.workspaceId, access.workspaceId), inArray(goldenPassages.id, [...passageIds])))
    .returning({ id: goldenPassages.id });
  return rows.length > 0;
}

/** @returns false: there is none in the workspace */
export async function deleteGoldenQuestion(
  db: DatabaseExecutor,
  access: Authorized<'evaluation.write'>,
  questionId: string,
): Promise<boolean> {
  const rows = await db
    .delete(goldenQuestions)
    .where(and(eq(goldenQuestions.workspaceId, access.workspaceId), eq(goldenQuestions.id, questionId)))
    .returning({ id: goldenQuestions.id });
  return rows.length > 0;
}

/** One a run: what a second worker finds out changes nothing. */
export async function insertRetrievalEvaluation(
  tx: DatabaseExecutor,
  access: Authorized<'evaluation.run'>,
  evaluation: Pick<StoredEvaluation, 'runId' | 'answerConfigId' | 'indexConfigId' | 'embeddingModel' | 'report'>,
): Promise<void> {
  await tx
    .insert(retrievalEvaluations)
    .values({ ...evaluation, workspaceId: access.workspaceId })
    .onConflictDoNothing();
}

/** Newest first. */
export async function listRetrievalEvaluations(
  db: DatabaseExecutor,
  access: Authorized<Permission>,
  limit: number,
): Promise<StoredEvaluation[]> {
  return db
    .select()
    .from(retrievalEvaluations)
    .where(eq(retrievalEvaluations.workspaceId, access.workspaceId))
    .orderBy(desc(retrievalEvaluations.createdAt), desc(retrievalEvaluations.id))
    .limit(limit);
}
