import type { DatabaseExecutor } from '../executor.ts';
import { type ApiKeyRepository, createApiKeyRepository } from './api-keys.ts';
import { type AuditRepository, createAuditRepository } from './audit.ts';
import { createInvitationRepository, type InvitationRepository } from './invitations.ts';
import { createMembershipRepository, type MembershipRepository } from './memberships.ts';
import { createSetupLinkRepository, type SetupLinkRepository } from './setup-links.ts';
import { createUserRepository, type UserRepository } from './users.ts';
import { createWorkspaceRepository, type WorkspaceRepository } from './workspaces.ts';

export interface PeopleRepositories {
  readonly users: UserRepository;
  readonly workspaces: WorkspaceRepository;
  readonly memberships: MembershipRepository;
  readonly invitations: InvitationRepository;
  readonly apiKeys: ApiKeyRepository;
  readonly setupLinks: SetupLinkRepository;
  readonly audit: AuditRepository;
}

/** Everything about people and tenancy. `transact` runs its work on one transaction: an act and its audit event stand or fall together. */
export interface PeopleStore extends PeopleRepositories {
  transact<T>(work: (repositories: PeopleRepositories) => Promise<T>): Promise<T>;
}

function createRepositories(db: DatabaseExecutor): PeopleRepositories {
  return {
    users: createUserRepository(db),
    workspaces: createWorkspaceRepository(db),
    memberships: createMembershipRepository(db),
    invitations: createInvitationRepository(db),
    apiKeys: createApiKeyRepository(db),
    setupLinks: createSetupLinkRepository(db),
    audit: createAuditRepository(db),
  };
}

export function createPeopleStore(db: DatabaseExecutor): PeopleStore {
  return {
    ...createRepositories(db),
    transact: (work) => db.transaction((tx) => work(createRepositories(tx))),
  };
}
