import { and, desc, eq, gt, isNull, sql } from 'drizzle-orm';
import type { Authorized } from '#lib/domain/access.ts';
import type { DatabaseExecutor } from '../executor.ts';
import { invitations, workspaces } from '../schema/workspaces.ts';

export const invitationRoles = invitations.role.enumValues;
export type InvitationRole = (typeof invitationRoles)[number];

export interface InvitationRow {
  readonly id: string;
  readonly email: string | null;
  readonly role: InvitationRole;
  readonly expiresAt: Date;
  readonly createdAt: Date;
}

export interface OpenInvitation extends InvitationRow {
  readonly workspaceId: string;
  readonly workspaceName: string;
  readonly workspaceSlug: string;
}

export interface InvitationRepository {
  create(
    authorized: Authorized<'member.manage'>,
    invitation: {
      readonly email: string | null;
      readonly role: InvitationRole;
      readonly tokenSha256: string;
      readonly invitedBy: string | null;
      readonly expiresAt: Date;
    },
  ): Promise<InvitationRow>;
  /** Neither accepted, revoked nor expired; newest first. */
  listOpen(authorized: Authorized<'member.manage'>): Promise<InvitationRow[]>;
  /** @returns false when there is no such open invitation in this workspace */
  revoke(authorized: Authorized<'member.manage'>, invitationId: string): Promise<boolean>;
  /** The holder of the token is the authority here. */
  findOpen(tokenSha256: string): Promise<OpenInvitation | null>;
  /** Compare-and-set: of several submissions of one link, one gets true. */
  claim(tokenSha256: string, acceptedBy: string): Promise<boolean>;
}

const columns = {
  id: invitations.id,
  email: invitations.email,
  role: invitations.role,
  expiresAt: invitations.expiresAt,
  createdAt: invitations.createdAt,
};

const isOpen = () =>
  and(isNull(invitations.acceptedAt), isNull(invitations.revokedAt), gt(invitations.expiresAt, sql`now()`));

export function createInvitationRepository(db: DatabaseExecutor): InvitationRepository {
  return {
    async create(authorized, invitation) {
      const [row] = await db
        .insert(invitations)
        .values({ ...invitation, workspaceId: authorized.workspaceId })
        .returning(columns);
      if (row === undefined) throw new Error('the database returned no row for an inserted invitation');
      return row;
    },
    async listOpen(authorized) {
      return await db
        .select(columns)
        .from(invitations)
        .where(and(eq(invitations.workspaceId, authorized.workspaceId), isOpen()))
        .orderBy(desc(invitations.createdAt));
    },
    async revoke(authorized, invitationId) {
      const rows = await db
        .update(invitations)
        .set({ revokedAt: sql`now()` })
        .where(and(eq(invitations.workspaceId, authorized.workspaceId), eq(invitations.id, invitationId), isOpen()))
        .returning({ id: invitations.id });
      return rows.length > 0;
    },
    async findOpen(tokenSha256) {
      const [row] = await db
        .select({
          ...columns,
          workspaceId: invitations.workspaceId,
          workspaceName: workspaces.name,
          workspaceSlug: workspaces.slug,
        })
        .from(invitations)
        .innerJoin(workspaces, eq(workspaces.id, invitations.workspaceId))
        .where(and(eq(invitations.tokenSha256, tokenSha256), isOpen()));
      return row ?? null;
    },
    async claim(tokenSha256, acceptedBy) {
      const rows = await db
        .update(invitations)
        .set({ acceptedAt: sql`now()`, acceptedBy })
        .where(and(eq(invitations.tokenSha256, tokenSha256), isOpen()))
        .returning({ id: invitations.id });
      return rows.length > 0;
    },
  };
}
