import { and, eq, isNull } from 'drizzle-orm';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission, Role } from '#lib/domain/actor.ts';
import { AppError } from '#lib/domain/errors.ts';
import type { DatabaseExecutor } from '../executor.ts';
import { users } from '../schema/auth.ts';
import { workspaceMembers, workspaces } from '../schema/workspaces.ts';
import { isUniqueViolation } from './postgres-errors.ts';

export interface WorkspaceRow {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly instructions: string;
  readonly suggestedQuestions: readonly string[];
  readonly isDemo: boolean;
  readonly createdAt: Date;
}

export interface WorkspaceSettings {
  readonly name?: string | undefined;
  readonly instructions?: string | undefined;
  readonly suggestedQuestions?: readonly string[] | undefined;
}

export interface WorkspaceRepository {
  /** @throws AppError `workspace.slug-taken` */
  create(workspace: {
    readonly slug: string;
    readonly name: string;
    readonly isDemo: boolean;
    readonly instructions?: string | undefined;
    readonly suggestedQuestions?: readonly string[] | undefined;
  }): Promise<WorkspaceRow>;
  /** All workspaces: for the command line and the product's own work, never for a person's request. */
  list(): Promise<WorkspaceRow[]>;
  listForUser(userId: string): Promise<(WorkspaceRow & { readonly role: Role })[]>;
  /** The id alone: tells nothing to a non-member until `authorize` has spoken. */
  findIdBySlug(slug: string): Promise<string | null>;
  findDemoId(): Promise<string | null>;
  read(authorized: Authorized<Permission>): Promise<WorkspaceRow | null>;
  update(authorized: Authorized<'workspace.configure'>, settings: WorkspaceSettings): Promise<void>;
}

export function createWorkspaceRepository(db: DatabaseExecutor): WorkspaceRepository {
  return {
    async create(workspace) {
      try {
        const [row] = await db
          .insert(workspaces)
          .values({
            slug: workspace.slug,
            name: workspace.name,
            isDemo: workspace.isDemo,
            instructions: workspace.instructions ?? '',
            suggestedQuestions: workspace.suggestedQuestions ?? [],
          })
          .returning();
        if (row === undefined) throw new Error('the database returned no row for an inserted workspace');
        return row;
      } catch (error) {
        if (!isUniqueViolation(error)) throw error;
        throw new AppError({
          code: 'workspace.slug-taken',
          message: `a workspace with the address ${workspace.slug} exists`,
          userMessage: 'This address is taken. Choose another.',
          cause: error,
        });
      }
    },
    async list() {
      return await db.select().from(workspaces).orderBy(workspaces.slug);
    },
    async listForUser(userId) {
      const rows = await db
        .select({ workspace: workspaces, role: workspaceMembers.role })
        .from(workspaceMembers)
        .innerJoin(workspaces, eq(workspaces.id, workspaceMembers.workspaceId))
        .innerJoin(users, eq(users.id, workspaceMembers.userId))
        .where(and(eq(workspaceMembers.userId, userId), isNull(users.suspendedAt)))
        .orderBy(workspaces.name, workspaces.id);
      return rows.map(({ workspace, role }) => ({ ...workspace, role }));
    },
    async findIdBySlug(slug) {
      const [row] = await db.select({ id: workspaces.id }).from(workspaces).where(eq(workspaces.slug, slug));
      return row?.id ?? null;
    },
    async findDemoId() {
      const [row] = await db
        .select({ id: workspaces.id })
        .from(workspaces)
        .where(eq(workspaces.isDemo, true))
        .orderBy(workspaces.createdAt)
        .limit(1);
      return row?.id ?? null;
    },
    async read(authorized) {
      const [row] = await db.select().from(workspaces).where(eq(workspaces.id, authorized.workspaceId));
      return row ?? null;
    },
    async update(authorized, settings) {
      const changes = {
        ...(settings.name === undefined ? {} : { name: settings.name }),
        ...(settings.instructions === undefined ? {} : { instructions: settings.instructions }),
        ...(settings.suggestedQuestions === undefined ? {} : { suggestedQuestions: settings.suggestedQuestions }),
      };
      if (Object.keys(changes).length === 0) return;
      await db.update(workspaces).set(changes).where(eq(workspaces.id, authorized.workspaceId));
    },
  };
}
