import type { DatabaseExecutor } from '#db/executor.ts';
import { findAdapterVersion, type NamedVersion } from '#db/repositories/adapters.ts';
import { createAuditRepository } from '#db/repositories/audit.ts';
import {
  type ChampionEvent,
  hasServed,
  insertChampionEvent,
  lockChampion,
  readChampion,
  writeChampion,
} from '#db/repositories/champions.ts';
import { listDecisionStandings } from '#db/repositories/gate.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { ChampionEventKind } from '#lib/domain/adapter.ts';
import { AppError, invalidInput } from '#lib/domain/errors.ts';
import { recordAudit } from '#lib/observability/audit.ts';
import { requirePassingDecision } from './require-passing-decision.ts';

/**
 * The one place that moves a champion. Every move is one transaction that locks the workspace's champion, moves it and appends
 * the event; no other module may call `writeChampion`.
 */

export interface PromoteDeps {
  readonly db: DatabaseExecutor;
  /**
   * Proves that the runtime can serve the version before it becomes the champion, and has it loaded when the next turn asks.
   * @throws AppError `adapter.*`, `runtime.*`: the champion then stays
   */
  readonly preWarm: (version: NamedVersion) => Promise<void>;
}

export interface ChampionMove {
  readonly event: ChampionEvent;
  /** Null: the base alone serves from now on. */
  readonly version: NamedVersion | null;
}

const MIN_REASON_CHARACTERS = 10;
const MAX_REASON_CHARACTERS = 2000;

/** @throws AppError `input.invalid` */
function checkReason(given: string): string {
  const reason = given.trim();
  if (reason.length < MIN_REASON_CHARACTERS || reason.length > MAX_REASON_CHARACTERS) {
    throw invalidInput(
      `the reason has ${reason.length} characters; ${MIN_REASON_CHARACTERS} to ${MAX_REASON_CHARACTERS} are expected`,
    );
  }
  return reason;
}

interface Move {
  readonly kind: ChampionEventKind;
  readonly versionId: string | null;
  readonly reason: string;
  /**
   * What must hold for the move, looked up under the lock.
   * @param fromVersionId the champion that is about to go
   * @returns the decision that allows the move; null where none is needed
   */
  readonly check: (tx: DatabaseExecutor, fromVersionId: string | null) => Promise<string | null>;
}

async function moveChampion(
  deps: PromoteDeps,
  access: Authorized<'adapter.promote' | 'gate.override'>,
  move: Move,
): Promise<ChampionMove> {
  // Before the transaction: loading takes seconds, and a transaction must not wait for anything but the database.
  const version = move.versionId === null ? null : await findAdapterVersion(deps.db, access, move.versionId);
  if (version !== null) await deps.preWarm(version);
  return deps.db.transaction(async (tx) => {
    const fromVersionId = await lockChampion(tx, access);
    if (fromVersionId === move.versionId) {
      throw new AppError({
        code: 'champion.unchanged',
        message: `${move.versionId ?? 'the base'} is the champion already`,
        userMessage: 'This is what serves the workspace already.',
      });
    }
    // Someone may have deleted it since.
    if (move.versionId !== null) await findAdapterVersion(tx, access, move.versionId);
    const decisionId = await move.check(tx, fromVersionId);
    await writeChampion(tx, access, move.versionId);
    const { actor } = access;
    const event = await insertChampionEvent(tx, access, {
      kind: move.kind,
      fromVersionId,
      toVersionId: move.versionId,
      reason: move.reason,
      actorKind: actor.kind,
      actorId: actor.kind === 'user' ? actor.userId : actor.kind === 'api-key' ? actor.keyId : actor.reason,
      decisionId,
    });
    await recordAudit({ audit: createAuditRepository(tx) }, actor, {
      workspaceId: access.workspaceId,
      action: `champion.${move.kind}`,
      targetId: move.versionId,
      details: { from: fromVersionId, to: move.versionId, sha256: version?.sha256 ?? null, reason: move.reason },
    });
    return { event, version };
  });
}

/**
 * Let a version serve that the gate has passed: by a decision for exactly this adapter, against what serves now, on the current
 * suites, answer settings and policy, that has not expired. A trigger of the database demands the same.
 * @throws AppError `gate.not-passed`, `gate.four-eyes`, `adapter.not-found`, `champion.unchanged`, `input.invalid`, and what
 *   `preWarm` throws
 */
export async function promoteChampion(
  deps: PromoteDeps,
  access: Authorized<'adapter.promote'>,
  input: { readonly versionId: string; readonly reason: string },
): Promise<ChampionMove> {
  const { versionId } = input;
  const check = async (tx: DatabaseExecutor, fromVersionId: string | null) =>
    requirePassingDecision(await listDecisionStandings(tx, access, versionId), fromVersionId, access.actor).id;
  // Loading an adapter costs seconds: what cannot be promoted is refused before. The check under the lock is the one that counts.
  await findAdapterVersion(deps.db, access, versionId);
  const serving = await readChampion(deps.db, access);
  if (serving !== versionId) await check(deps.db, serving);
  return moveChampion(deps, access, { kind: 'promote', versionId, reason: checkReason(input.reason), check });
}

/**
 * Let a version serve without a passing evaluation. The reason stays with the event for good.
 * @throws AppError `adapter.not-found`, `champion.unchanged`, `input.invalid`, and what `preWarm` throws
 */
export async function overrideChampion(
  deps: PromoteDeps,
  access: Authorized<'gate.override'>,
  input: { readonly versionId: string; readonly reason: string },
): Promise<ChampionMove> {
  return moveChampion(deps, access, {
    kind: 'override',
    versionId: input.versionId,
    reason: checkReason(input.reason),
    check: () => Promise.resolve(null),
  });
}

/**
 * Go back to a version that served here before, or to the base alone. Needs no evaluation.
 * @param input.versionId null: the base alone
 * @throws AppError `champion.never-served`, `adapter.not-found`, `champion.unchanged`, `input.invalid`, and what `preWarm` throws
 */
export async function rollBackChampion(
  deps: PromoteDeps,
  access: Authorized<'adapter.promote'>,
  input: { readonly versionId: string | null; readonly reason: string },
): Promise<ChampionMove> {
  const { versionId } = input;
  return moveChampion(deps, access, {
    kind: 'rollback',
    versionId,
    reason: checkReason(input.reason),
    async check(tx) {
      if (versionId === null || (await hasServed(tx, access, versionId))) return null;
      throw new AppError({
        code: 'champion.never-served',
        message: `version ${versionId} has never served this workspace; it is no target of a rollback`,
        userMessage: 'This version has never served here. A rollback goes to a former champion or to the base.',
      });
    },
  });
}
