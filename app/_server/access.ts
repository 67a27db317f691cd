import type { Permission } from '#lib/domain/actor.ts';

/**
 * What a route or an action demands before its handler runs. Declared data, so that the matrix test can enumerate it.
 * - `public`: nothing; the handler's own token or password decides.
 * - `person`: a session. Keys are refused with 403.
 * - `instance-owner`: a session of an owner of the installation.
 * - `workspace`: a session or a key that holds `permission` in the workspace named by the address.
 * - `key`: an API key that holds `permission`; the key names the workspace.
 */
export type Access =
  | { readonly kind: 'public' }
  | { readonly kind: 'person' }
  | { readonly kind: 'instance-owner' }
  | { readonly kind: 'workspace'; readonly permission: Permission }
  | { readonly kind: 'key'; readonly permission: Permission };
