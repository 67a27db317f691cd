import { type Actor, permissions } from '#lib/domain/actor.ts';
import { unauthenticated } from '#lib/domain/errors.ts';
import type { Authenticator } from './authenticator.ts';
import type { RateLimits } from './rate-limits.ts';
import { hashToken, looksLikeApiKey } from './tokens.ts';

export interface ResolveActorDeps {
  readonly authenticator: Pick<Authenticator, 'findSession'>;
  readonly users: {
    findById(
      userId: string,
    ): Promise<{ readonly id: string; readonly isInstanceOwner: boolean; readonly suspendedAt: Date | null } | null>;
  };
  readonly apiKeys: {
    findUsable(tokenSha256: string): Promise<{
      readonly id: string;
      readonly workspaceId: string;
      readonly createdBy: string;
      readonly permissions: readonly string[];
    } | null>;
    touch(keyId: string): Promise<void>;
  };
  readonly limits: Pick<RateLimits, 'countKeyRequest'>;
}

export type UserActor = Extract<Actor, { kind: 'user' }>;
export type KeyActor = Extract<Actor, { kind: 'api-key' }>;

const BEARER_PATTERN = /^Bearer +(\S+)$/i;

/**
 * Who sends these headers. Every credential form comes through here: `Authorization: Bearer <key>`, or the session cookie.
 * A request that brings a bearer token is judged by the token alone: a bad key never falls back to the cookie.
 * @throws AppError `session.required`, `rate.exceeded`
 */
export async function resolveActor(deps: ResolveActorDeps, headers: Headers): Promise<UserActor | KeyActor> {
  const authorization = headers.get('authorization');
  if (authorization !== null) {
    const token = BEARER_PATTERN.exec(authorization)?.[1];
    if (token === undefined || !looksLikeApiKey(token)) throw unauthenticated();
    const key = await deps.apiKeys.findUsable(hashToken(token));
    if (key === null) throw unauthenticated();
    await deps.limits.countKeyRequest(key.id);
    await deps.apiKeys.touch(key.id);
    return {
      kind: 'api-key',
      keyId: key.id,
      workspaceId: key.workspaceId,
      userId: key.createdBy,
      permissions: permissions.filter((permission) => key.permissions.includes(permission)),
    };
  }
  const session = await deps.authenticator.findSession(headers);
  if (session === null) throw unauthenticated();
  const person = await deps.users.findById(session.userId);
  if (person === null || person.suspendedAt !== null) throw unauthenticated();
  return { kind: 'user', userId: person.id, isInstanceOwner: person.isInstanceOwner };
}
