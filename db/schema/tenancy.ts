import { uuid } from 'drizzle-orm/pg-core';
import { workspaces } from './workspaces.ts';

/** The tenant of a row. Every row of a workspace has it and goes with it. */
export const workspaceId = () =>
  uuid('workspace_id')
    .notNull()
    .references(() => workspaces.id, { onDelete: 'cascade' });
