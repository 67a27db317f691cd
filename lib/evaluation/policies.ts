import type { DatabaseExecutor } from '#db/executor.ts';
import { createAuditRepository } from '#db/repositories/audit.ts';
import { findPolicy, insertPolicy, listPolicies, type StoredPolicy } from '#db/repositories/gate.ts';
import { createUserRepository } from '#db/repositories/users.ts';
import { lockWorkspace } from '#db/repositories/workspace-lock.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';
import { recordAudit } from '#lib/observability/audit.ts';
import { DEFAULT_GATE_POLICY, type GatePolicy, gatePolicySchema } from './gate-policy.ts';

export interface NumberedPolicy {
  /** Null: the product's default, which nobody has changed and no decision has used yet. */
  readonly id: string | null;
  /** 0 for the default. */
  readonly number: number;
  readonly policy: GatePolicy;
  readonly note: string;
  readonly createdBy: string | null;
  readonly createdAt: Date | null;
}

function parsePolicy(row: StoredPolicy): NumberedPolicy & { readonly id: string } {
  return { ...row, policy: gatePolicySchema.parse(row.settings) };
}

/** The policy that decides from now on. */
export async function readPolicy(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<Permission>,
): Promise<NumberedPolicy> {
  const row = await findPolicy(deps.db, access);
  if (row) return parsePolicy(row);
  return { id: null, number: 0, policy: DEFAULT_GATE_POLICY, note: '', createdBy: null, createdAt: null };
}

/** Newest first; `createdByName` null: the product itself, or someone who is here no more. */
export async function listPolicyHistory(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<Permission>,
): Promise<(NumberedPolicy & { readonly createdByName: string | null })[]> {
  const users = createUserRepository(deps.db);
  return Promise.all(
    (await listPolicies(deps.db, access)).map(async (row) => ({
      ...parsePolicy(row),
      createdByName: row.createdBy === null ? null : ((await users.findById(row.createdBy))?.name ?? null),
    })),
  );
}

/** The policy as a row, for a decision to name: the default is stored when it is first used. */
export async function ensurePolicy(
  tx: DatabaseExecutor,
  access: Authorized<'evaluation.run'>,
): Promise<NumberedPolicy & { readonly id: string }> {
  await lockWorkspace(tx, access);
  const row = await findPolicy(tx, access);
  if (row) return parsePolicy(row);
  return parsePolicy(
    await insertPolicy(tx, access, { settings: DEFAULT_GATE_POLICY, note: 'The product’s default.', createdBy: null }),
  );
}

/**
 * Another policy from now on. Passes under the one before carry no promotion any more, so it takes the same permission as an
 * override: who lowers the bar lets adapters through as well.
 */
export async function changePolicy(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'gate.override'>,
  input: { readonly policy: GatePolicy; readonly note: string },
): Promise<NumberedPolicy> {
  const settings = gatePolicySchema.parse(input.policy);
  return deps.db.transaction(async (tx) => {
    await lockWorkspace(tx, access);
    const row = await insertPolicy(tx, access, {
      settings,
      note: input.note.trim(),
      createdBy: access.actor.kind === 'user' ? access.actor.userId : null,
    });
    await recordAudit({ audit: createAuditRepository(tx) }, access.actor, {
      workspaceId: access.workspaceId,
      action: 'gate.change-policy',
      targetId: row.id,
      details: { number: row.number, note: row.note },
    });
    return parsePolicy(row);
  });
}
