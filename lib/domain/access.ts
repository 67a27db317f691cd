import type { Actor, Permission } from './actor.ts';

declare const authorizedBrand: unique symbol;

/**
 * Proof that `actor` may do `P` inside `workspaceId`. Only `lib/auth/authorize.ts` mints it; every repository function that
 * touches a workspace's rows demands it and filters by its `workspaceId`, so no path reaches data without the check.
 */
export interface Authorized<P extends Permission> {
  readonly [authorizedBrand]: P;
  readonly workspaceId: string;
  readonly actor: Actor;
}

/** The person who acts; null for a key or the product itself. */
export function findUserId({ actor }: Authorized<Permission>): string | null {
  return actor.kind === 'user' ? actor.userId : null;
}
