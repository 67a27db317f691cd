import type { DatabaseExecutor } from '#db/executor.ts';
import { hasServed, readChampion } from '#db/repositories/champions.ts';
import { listDecisionStandings } from '#db/repositories/gate.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { explainStanding } from './require-passing-decision.ts';

/** What the gate has said of a version, and what that is worth now. */
export interface VersionStandings {
  /** Newest first. */
  readonly decisions: readonly {
    readonly evaluationId: string;
    readonly verdict: 'pass' | 'fail' | 'inconclusive';
    /** Why it carries no promotion; null: it does. */
    readonly obstacle: string | null;
    /** ISO 8601. */
    readonly createdAt: string;
  }[];
  /** One of them allows a promotion now. */
  readonly isPassed: boolean;
  readonly hasServed: boolean;
}

export async function readVersionStandings(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'adapter.read'>,
  versionId: string,
): Promise<VersionStandings> {
  const championVersionId = await readChampion(deps.db, access);
  const decisions = (await listDecisionStandings(deps.db, access, versionId)).map((standing) => ({
    evaluationId: standing.decision.evaluationRunId,
    verdict: standing.decision.verdict,
    obstacle: explainStanding(standing, championVersionId),
    createdAt: standing.decision.createdAt.toISOString(),
  }));
  return {
    decisions,
    isPassed: decisions.some(({ obstacle }) => obstacle === null),
    hasServed: await hasServed(deps.db, access, versionId),
  };
}
