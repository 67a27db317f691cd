import { and, asc, desc, eq, gt, isNotNull, isNull, lte, or, sql } from 'drizzle-orm';
import type { DatabaseExecutor } from '#db/executor.ts';
import { championEvents } from '#db/schema/adapters.ts';
import { messages } from '#db/schema/conversations.ts';
import { documents, documentVersions } from '#db/schema/documents.ts';
import { evalSuites, gateDecisions, gatePolicies, suiteRevisions } from '#db/schema/evaluation.ts';
import { runs } from '#db/schema/runs.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { ChampionEvent } from './champions.ts';

type Access = Authorized<'evaluation.read'>;

/** The move after which a moment lies; undefined: nothing but the base had ever served. */
export async function findEventBefore(
  db: DatabaseExecutor,
  access: Access,
  at: Date,
): Promise<(ChampionEvent & { readonly evaluationId: string | null }) | undefined> {
  const [row] = await db
    .select({ event: championEvents, evaluationId: gateDecisions.evaluationRunId })
    .from(championEvents)
    .leftJoin(
      gateDecisions,
      and(eq(gateDecisions.id, championEvents.decisionId), eq(gateDecisions.workspaceId, championEvents.workspaceId)),
    )
    .where(and(eq(championEvents.workspaceId, access.workspaceId), lte(championEvents.createdAt, at)))
    .orderBy(desc(championEvents.sequence))
    .limit(1);
  return row === undefined ? undefined : { ...row.event, evaluationId: row.evaluationId };
}

/** What produced the last answer before a moment, whoever asked; its words are nobody's business here. */
export async function findProvenanceBefore(
  db: DatabaseExecutor,
  access: Access,
  at: Date,
): Promise<{ readonly provenance: Record<string, unknown>; readonly createdAt: Date } | undefined> {
  const [row] = await db
    .select({ provenance: messages.provenance, createdAt: messages.createdAt })
    .from(messages)
    .where(
      and(
        eq(messages.workspaceId, access.workspaceId),
        eq(messages.role, 'assistant'),
        isNotNull(messages.provenance),
        lte(messages.createdAt, at),
      ),
    )
    .orderBy(desc(messages.createdAt))
    .limit(1);
  return row?.provenance == null ? undefined : { provenance: row.provenance, createdAt: row.createdAt };
}

export interface DocumentThen {
  readonly documentId: string;
  readonly title: string;
  readonly versionId: string;
  readonly ordinal: number;
  readonly blobSha256: string;
  /** It answers no more, or no longer in this version. */
  readonly isCurrent: boolean;
}

/** The version of each document that was indexed last before a moment, by title. What is wiped since is not among them. */
export async function listDocumentsAt(db: DatabaseExecutor, access: Access, at: Date): Promise<DocumentThen[]> {
  return db
    .selectDistinctOn([documents.title, documents.id], {
      documentId: documents.id,
      title: documents.title,
      versionId: documentVersions.id,
      ordinal: documentVersions.ordinal,
      blobSha256: documentVersions.blobSha256,
      isCurrent: sql<boolean>`${documents.deletedAt} is null and ${documents.currentVersionId} = ${documentVersions.id}`,
    })
    .from(documents)
    .innerJoin(
      documentVersions,
      and(eq(documentVersions.documentId, documents.id), eq(documentVersions.workspaceId, documents.workspaceId)),
    )
    .innerJoin(
      runs,
      and(
        eq(runs.workspaceId, documents.workspaceId),
        eq(runs.kind, 'document.ingest'),
        eq(runs.subjectId, documentVersions.id),
        eq(runs.state, 'succeeded'),
        lte(runs.finishedAt, at),
      ),
    )
    .where(
      and(eq(documents.workspaceId, access.workspaceId), or(isNull(documents.deletedAt), gt(documents.deletedAt, at))),
    )
    .orderBy(asc(documents.title), asc(documents.id), desc(documentVersions.ordinal));
}

/** The revision of each suite that was current at a moment, by name. */
export async function listRevisionsAt(
  db: DatabaseExecutor,
  access: Access,
  at: Date,
): Promise<
  { readonly suiteId: string; readonly name: string; readonly number: number; readonly isArchived: boolean }[]
> {
  return db
    .selectDistinctOn([evalSuites.name, evalSuites.id], {
      suiteId: evalSuites.id,
      name: evalSuites.name,
      number: suiteRevisions.number,
      isArchived: sql<boolean>`${evalSuites.archivedAt} is not null`,
    })
    .from(evalSuites)
    .innerJoin(suiteRevisions, eq(suiteRevisions.suiteId, evalSuites.id))
    .where(
      and(
        eq(evalSuites.workspaceId, access.workspaceId),
        lte(suiteRevisions.createdAt, at),
        or(isNull(evalSuites.archivedAt), gt(evalSuites.archivedAt, at)),
      ),
    )
    .orderBy(asc(evalSuites.name), asc(evalSuites.id), desc(suiteRevisions.number));
}

/** Number of the gate's policy at a moment; null: the product's default. */
export async function findPolicyNumberAt(db: DatabaseExecutor, access: Access, at: Date): Promise<number | null> {
  const [row] = await db
    .select({ number: gatePolicies.number })
    .from(gatePolicies)
    .where(and(eq(gatePolicies.workspaceId, access.workspaceId), lte(gatePolicies.createdAt, at)))
    .orderBy(desc(gatePolicies.number))
    .limit(1);
  return row?.number ?? null;
}
