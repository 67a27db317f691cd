import type { DatabaseExecutor } from '#db/executor.ts';
import { findVersionsOfHistory } from '#db/repositories/adapters.ts';
import {
  type DocumentThen,
  findEventBefore,
  findPolicyNumberAt,
  findProvenanceBefore,
  listDocumentsAt,
  listRevisionsAt,
} from '#db/repositories/moments.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { ChampionEventKind } from '#lib/domain/adapter.ts';
import { type Provenance, provenanceSchema } from '#lib/domain/chat.ts';
import { describeVersion, nameActor, type VersionLabel } from './read-adapters.ts';

/** What answered in a workspace at one moment, with everything that produced its answers. */
export interface Moment {
  /** ISO 8601. */
  readonly at: string;
  /** Null: the base alone. */
  readonly serving: (VersionLabel & { readonly sha256: string }) | null;
  /** How it came to serve; null: nothing was ever promoted before. */
  readonly since: {
    readonly at: string;
    readonly kind: ChampionEventKind;
    readonly reason: string;
    readonly actor: string;
    /** The evaluation that it had passed; null: none, as after a rollback or an override. */
    readonly evaluationId: string | null;
  } | null;
  /** Of the last answer before, without what was asked; null: there was none, so what ran then is not known. */
  readonly answered: { readonly at: string; readonly provenance: Omit<Provenance, 'searchQuery'> } | null;
  readonly documents: readonly DocumentThen[];
  readonly suites: Awaited<ReturnType<typeof listRevisionsAt>>;
  /** Null: the product's default. */
  readonly policyNumber: number | null;
}

const impersonalSchema = provenanceSchema.omit({ searchQuery: true });

export async function readMoment(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'evaluation.read'>,
  at: Date,
): Promise<Moment> {
  const [event, answered, documents, suites, policyNumber] = await Promise.all([
    findEventBefore(deps.db, access, at),
    findProvenanceBefore(deps.db, access, at),
    listDocumentsAt(deps.db, access, at),
    listRevisionsAt(deps.db, access, at),
    findPolicyNumberAt(deps.db, access, at),
  ]);
  const versionId = event?.toVersionId ?? null;
  const [version] = versionId === null ? [] : await findVersionsOfHistory(deps.db, access, [versionId]);
  return {
    at: at.toISOString(),
    serving:
      version === undefined
        ? null
        : {
            id: version.id,
            label: describeVersion(version),
            isDeleted: version.deletedAt !== null,
            sha256: version.sha256,
          },
    since:
      event === undefined
        ? null
        : {
            at: event.createdAt.toISOString(),
            kind: event.kind,
            reason: event.reason,
            actor: await nameActor(deps, event),
            evaluationId: event.evaluationId,
          },
    answered:
      answered === undefined
        ? null
        : { at: answered.createdAt.toISOString(), provenance: impersonalSchema.parse(answered.provenance) },
    documents,
    suites,
    policyNumber,
  };
}
