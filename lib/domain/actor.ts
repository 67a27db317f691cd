/** Roles within one workspace, weakest last. */
export const roles = ['owner', 'admin', 'evaluator', 'member'] as const;
export type Role = (typeof roles)[number];

/**
 * What an actor may do inside a workspace. `noun.verb`; the table from role to permissions is `rolePermissions`.
 */
export const permissions = [
  'chat.use',
  'document.read',
  'document.write',
  'run.read',
  'run.cancel',
  'member.read',
  'member.manage',
  'key.manage',
  'workspace.configure',
  'audit.read',
  'dataset.read',
  'dataset.write',
  'adapter.read',
  'adapter.write',
  'adapter.promote',
  'gate.override',
  'evaluation.read',
  'evaluation.run',
  'evaluation.write',
] as const;
export type Permission = (typeof permissions)[number];

const member = ['chat.use', 'document.read'] as const satisfies readonly Permission[];
const evaluator = [
  ...member,
  'run.read',
  'adapter.read',
  'adapter.promote',
  'evaluation.read',
  'evaluation.run',
  'evaluation.write',
] as const satisfies readonly Permission[];
const admin = permissions;

export const rolePermissions: Readonly<Record<Role, readonly Permission[]>> = {
  owner: permissions,
  admin,
  evaluator,
  member,
};

/** Permissions that an API key may carry; keys never manage people or keys, change the gate's policy or go around it. */
export const keyPermissions = [
  'chat.use',
  'document.read',
  'document.write',
  'run.read',
  'adapter.read',
  'evaluation.read',
  'evaluation.run',
  'evaluation.write',
  'adapter.promote',
] as const satisfies readonly Permission[];

/** Who acts. Built in one place from a session or a key, never from input. */
export type Actor =
  | { readonly kind: 'user'; readonly userId: string; readonly isInstanceOwner: boolean }
  | {
      readonly kind: 'api-key';
      readonly keyId: string;
      readonly workspaceId: string;
      readonly userId: string;
      readonly permissions: readonly Permission[];
    }
  | { readonly kind: 'system'; readonly reason: string };
