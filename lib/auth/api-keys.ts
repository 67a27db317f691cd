import type { ApiKeyRow } from '#db/repositories/api-keys.ts';
import type { PeopleStore } from '#db/repositories/people.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { keyPermissions } from '#lib/domain/actor.ts';
import { forbidden, notFound } from '#lib/domain/errors.ts';
import { recordAudit } from '#lib/observability/audit.ts';
import { createApiKeyToken, hashToken } from './tokens.ts';

export interface ApiKeyDeps {
  readonly people: PeopleStore;
}

export type KeyPermission = (typeof keyPermissions)[number];

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * @param input.expiresInDays null: never; the caller has to say so
 * @returns the key itself; shown once, because only its hash is stored
 * @throws AppError `permission.denied` when no person makes it: a key lives by its maker's role
 */
export async function createApiKey(
  deps: ApiKeyDeps,
  authorized: Authorized<'key.manage'>,
  input: {
    readonly name: string;
    readonly permissions: readonly KeyPermission[];
    readonly expiresInDays: number | null;
  },
  now: Date = new Date(),
): Promise<{ readonly key: ApiKeyRow; readonly token: string }> {
  const { actor } = authorized;
  if (actor.kind !== 'user') throw forbidden('key.manage');
  const { token, prefix } = createApiKeyToken();
  return await deps.people.transact(async (people) => {
    const key = await people.apiKeys.create(authorized, {
      name: input.name,
      prefix,
      tokenSha256: hashToken(token),
      permissions: keyPermissions.filter((permission) => input.permissions.includes(permission)),
      createdBy: actor.userId,
      expiresAt: input.expiresInDays === null ? null : new Date(now.getTime() + input.expiresInDays * DAY_MS),
    });
    await recordAudit(people, actor, {
      workspaceId: authorized.workspaceId,
      action: 'key.create',
      targetId: key.id,
      details: { name: input.name, prefix, permissions: key.permissions, expiresInDays: input.expiresInDays },
    });
    return { key, token };
  });
}

export async function listApiKeys(deps: ApiKeyDeps, authorized: Authorized<'key.manage'>): Promise<ApiKeyRow[]> {
  return await deps.people.apiKeys.list(authorized);
}

/** @throws AppError `key.not-found` */
export async function revokeApiKey(
  deps: ApiKeyDeps,
  authorized: Authorized<'key.manage'>,
  input: { readonly keyId: string },
): Promise<void> {
  await deps.people.transact(async (people) => {
    if (!(await people.apiKeys.revoke(authorized, input.keyId))) throw notFound('key');
    await recordAudit(people, authorized.actor, {
      workspaceId: authorized.workspaceId,
      action: 'key.revoke',
      targetId: input.keyId,
    });
  });
}
