import { and, desc, eq, isNull, lt, or, sql } from 'drizzle-orm';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';
import type { DatabaseExecutor } from '../executor.ts';
import { users } from '../schema/auth.ts';
import { apiKeys } from '../schema/workspaces.ts';

export interface ApiKeyRow {
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  readonly permissions: readonly string[];
  readonly createdBy: string;
  /** Null: never. */
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  readonly lastUsedAt: Date | null;
  readonly createdAt: Date;
}

export interface UsableApiKey {
  readonly id: string;
  readonly workspaceId: string;
  readonly createdBy: string;
  readonly permissions: readonly string[];
}

export interface ApiKeyRepository {
  create(
    authorized: Authorized<'key.manage'>,
    key: {
      readonly name: string;
      readonly prefix: string;
      readonly tokenSha256: string;
      readonly permissions: readonly Permission[];
      readonly createdBy: string;
      readonly expiresAt: Date | null;
    },
  ): Promise<ApiKeyRow>;
  /** Revoked and expired ones too; newest first. */
  list(authorized: Authorized<'key.manage'>): Promise<ApiKeyRow[]>;
  /** @returns false when this workspace has no such unrevoked key */
  revoke(authorized: Authorized<'key.manage'>, keyId: string): Promise<boolean>;
  /** All keys that this person made here. @returns how many were alive */
  revokeOfMaker(authorized: Authorized<'member.manage'>, userId: string): Promise<number>;
  /** All keys of this person in every workspace. */
  revokeOfPerson(userId: string): Promise<number>;
  /** Neither revoked nor expired, and the maker is not suspended. */
  findUsable(tokenSha256: string): Promise<UsableApiKey | null>;
  /** Written at most once a minute, so that a busy key does not turn every read into a write. */
  touch(keyId: string): Promise<void>;
}

const columns = {
  id: apiKeys.id,
  name: apiKeys.name,
  prefix: apiKeys.prefix,
  permissions: apiKeys.permissions,
  createdBy: apiKeys.createdBy,
  expiresAt: apiKeys.expiresAt,
  revokedAt: apiKeys.revokedAt,
  lastUsedAt: apiKeys.lastUsedAt,
  createdAt: apiKeys.createdAt,
};

export function createApiKeyRepository(db: DatabaseExecutor): ApiKeyRepository {
  return {
    async create(authorized, key) {
      const [row] = await db
        .insert(apiKeys)
        .values({ ...key, permissions: [...key.permissions], workspaceId: authorized.workspaceId })
        .returning(columns);
      if (row === undefined) throw new Error('the database returned no row for an inserted API key');
      return row;
    },
    async list(authorized) {
      return await db
        .select(columns)
        .from(apiKeys)
        .where(eq(apiKeys.workspaceId, authorized.workspaceId))
        .orderBy(desc(apiKeys.createdAt));
    },
    async revoke(authorized, keyId) {
      const rows = await db
        .update(apiKeys)
        .set({ revokedAt: sql`now()` })
        .where(and(eq(apiKeys.workspaceId, authorized.workspaceId), eq(apiKeys.id, keyId), isNull(apiKeys.revokedAt)))
        .returning({ id: apiKeys.id });
      return rows.length > 0;
    },
    async revokeOfMaker(authorized, userId) {
      const rows = await db
        .update(apiKeys)
        .set({ revokedAt: sql`now()` })
        .where(
          and(
            eq(apiKeys.workspaceId, authorized.workspaceId),
            eq(apiKeys.createdBy, userId),
            isNull(apiKeys.revokedAt),
          ),
        )
        .returning({ id: apiKeys.id });
      return rows.length;
    },
    async revokeOfPerson(userId) {
      const rows = await db
        .update(apiKeys)
        .set({ revokedAt: sql`now()` })
        .where(and(eq(apiKeys.createdBy, userId), isNull(apiKeys.revokedAt)))
        .returning({ id: apiKeys.id });
      return rows.length;
    },
    async findUsable(tokenSha256) {
      const [row] = await db
        .select({
          id: apiKeys.id,
          workspaceId: apiKeys.workspaceId,
          createdBy: apiKeys.createdBy,
          permissions: apiKeys.permissions,
        })
        .from(apiKeys)
        .innerJoin(users, eq(users.id, apiKeys.createdBy))
        .where(
          and(
            eq(apiKeys.tokenSha256, tokenSha256),
            isNull(apiKeys.revokedAt),
            isNull(users.suspendedAt),
            or(isNull(apiKeys.expiresAt), sql`${apiKeys.expiresAt} > now()`),
          ),
        );
      return row ?? null;
    },
    async touch(keyId) {
      await db
        .update(apiKeys)
        .set({ lastUsedAt: sql`now()` })
        .where(
          and(
            eq(apiKeys.id, keyId),
            or(isNull(apiKeys.lastUsedAt), lt(apiKeys.lastUsedAt, sql`now() - interval '1 minute'`)),
          ),
        );
    },
  };
}
