import { and, eq, isNull } from 'drizzle-orm';
import type { Authorized } from '#lib/domain/access.ts';
import type { Role } from '#lib/domain/actor.ts';
import type { DatabaseExecutor } from '../executor.ts';
import { users } from '../schema/auth.ts';
import { workspaceMembers, workspaces } from '../schema/workspaces.ts';

export interface MemberRow {
  readonly userId: string;
  readonly name: string;
  readonly email: string;
  readonly role: Role;
  readonly suspendedAt: Date | null;
  readonly joinedAt: Date;
}

export interface MembershipRepository {
  /** Null for a stranger, a suspended person and an unknown workspace alike. */
  findRole(workspaceId: string, userId: string): Promise<Role | null>;
  /** The stored role, of suspended people too. */
  findMember(authorized: Authorized<'member.read' | 'member.manage'>, userId: string): Promise<MemberRow | null>;
  list(authorized: Authorized<'member.read' | 'member.manage'>): Promise<MemberRow[]>;
  /** Adds the person, or leaves an existing membership as it is. @returns false when they were a member already */
  add(membership: { readonly workspaceId: string; readonly userId: string; readonly role: Role }): Promise<boolean>;
  changeRole(authorized: Authorized<'member.manage'>, userId: string, role: Role): Promise<boolean>;
  remove(authorized: Authorized<'member.manage'>, userId: string): Promise<boolean>;
  /**
   * Locks the workspace until the transaction ends and names its owners who are not suspended: changes of owners come one
   * after another, so two people cannot demote each other at the same time.
   */
  lockOwners(workspaceId: string): Promise<string[]>;
  /** Workspaces in which this person is an owner. */
  listOwnedWorkspaceIds(userId: string): Promise<string[]>;
}

const memberColumns = {
  userId: workspaceMembers.userId,
  name: users.name,
  email: users.email,
  role: workspaceMembers.role,
  suspendedAt: users.suspendedAt,
  joinedAt: workspaceMembers.createdAt,
};

export function createMembershipRepository(db: DatabaseExecutor): MembershipRepository {
  return {
    async findRole(workspaceId, userId) {
      const [row] = await db
        .select({ role: workspaceMembers.role })
        .from(workspaceMembers)
        .innerJoin(users, eq(users.id, workspaceMembers.userId))
        .where(
          and(
            eq(workspaceMembers.workspaceId, workspaceId),
            eq(workspaceMembers.userId, userId),
            isNull(users.suspendedAt),
          ),
        );
      return row?.role ?? null;
    },
    async findMember(authorized, userId) {
      const [row] = await db
        .select(memberColumns)
        .from(workspaceMembers)
        .innerJoin(users, eq(users.id, workspaceMembers.userId))
        .where(and(eq(workspaceMembers.workspaceId, authorized.workspaceId), eq(workspaceMembers.userId, userId)));
      return row ?? null;
    },
    async list(authorized) {
      return await db
        .select(memberColumns)
        .from(workspaceMembers)
        .innerJoin(users, eq(users.id, workspaceMembers.userId))
        .where(eq(workspaceMembers.workspaceId, authorized.workspaceId))
        .orderBy(workspaceMembers.createdAt, users.email);
    },
    async add(membership) {
      const rows = await db
        .insert(workspaceMembers)
        .values(membership)
        .onConflictDoNothing()
        .returning({ userId: workspaceMembers.userId });
      return rows.length > 0;
    },
    async changeRole(authorized, userId, role) {
      const rows = await db
        .update(workspaceMembers)
        .set({ role })
        .where(and(eq(workspaceMembers.workspaceId, authorized.workspaceId), eq(workspaceMembers.userId, userId)))
        .returning({ userId: workspaceMembers.userId });
      return rows.length > 0;
    },
    async remove(authorized, userId) {
      const rows = await db
        .delete(workspaceMembers)
        .where(and(eq(workspaceMembers.workspaceId, authorized.workspaceId), eq(workspaceMembers.userId, userId)))
        .returning({ userId: workspaceMembers.userId });
      return rows.length > 0;
    },
    async lockOwners(workspaceId) {
      await db.select({ id: workspaces.id }).from(workspaces).where(eq(workspaces.id, workspaceId)).for('update');
      const rows = await db
        .select({ userId: workspaceMembers.userId })
        .from(workspaceMembers)
        .innerJoin(users, eq(users.id, workspaceMembers.userId))
        .where(
          and(
            eq(workspaceMembers.workspaceId, workspaceId),
            eq(workspaceMembers.role, 'owner'),
            isNull(users.suspendedAt),
          ),
        );
      return rows.map((row) => row.userId);
    },
    async listOwnedWorkspaceIds(userId) {
      const rows = await db
        .select({ workspaceId: workspaceMembers.workspaceId })
        .from(workspaceMembers)
        .where(and(eq(workspaceMembers.userId, userId), eq(workspaceMembers.role, 'owner')))
        .orderBy(workspaceMembers.workspaceId);
      return rows.map((row) => row.workspaceId);
    },
  };
}
