import type { ActionResult } from '#app/_server/action.ts';
import type { Permission, Role } from '#lib/domain/actor.ts';

/** What the frame around every page needs to know. Serializable: it crosses from server to browser. */
export interface ShellView {
  readonly workspace: { readonly slug: string; readonly name: string; readonly isDemo: boolean };
  readonly role: Role;
  readonly permissions: readonly Permission[];
  readonly workspaces: readonly { readonly slug: string; readonly name: string }[];
  readonly person: { readonly name: string; readonly email: string; readonly isInstanceOwner: boolean };
}

/** Server actions behind the frame's own controls. */
export interface ShellActions {
  readonly createWorkspace: (input: {
    readonly name: string;
    readonly slug: string;
  }) => Promise<ActionResult<{ readonly slug: string }>>;
  readonly signOut: (input: Readonly<Record<string, never>>) => Promise<ActionResult<{ readonly redirectTo: string }>>;
}
