import type { Metadata } from 'next';
import { Page, Section } from '#app/_components/ui/page.tsx';
import { requireWorkspacePage } from '#app/_server/page.ts';
import {
  changeMemberRole,
  createApiKey,
  createInvitation,
  removeMember,
  revokeApiKey,
  revokeInvitation,
} from '#app/w/[workspace]/settings/actions.ts';
import { listApiKeys } from '#lib/auth/api-keys.ts';
import { authorize } from '#lib/auth/authorize.ts';
import { listInvitations } from '#lib/auth/invitations.ts';
import { listMembers } from '#lib/auth/members.ts';
import { ApiKeyList, type ApiKeyView, CreateKeyDialog } from './_components/api-keys.tsx';
import { InvitationList, InviteDialog } from './_components/invitations.tsx';
import { MemberList } from './_components/member-list.tsx';

export const metadata: Metadata = { title: 'Members & keys' };

function stateOf(key: { readonly revokedAt: Date | null; readonly expiresAt: Date | null }): ApiKeyView['state'] {
  if (key.revokedAt !== null) return 'revoked';
  return key.expiresAt !== null && key.expiresAt.getTime() <= Date.now() ? 'expired' : 'active';
}

export default async function MembersPage({ params }: { readonly params: Promise<{ readonly workspace: string }> }) {
  const { workspace: slug } = await params;
  const page = await requireWorkspacePage(slug, 'member.read', `/admin/${slug}/members`);
  const { deps, actor, authorized, permissions, role, workspace } = page;
  const canManage = permissions.includes('member.manage');
  const canManageKeys = permissions.includes('key.manage');

  const [members, invitations, keys] = await Promise.all([
    listMembers(deps, authorized),
    canManage
      ? listInvitations(deps, await authorize(deps.people, actor, authorized.workspaceId, 'member.manage'))
      : [],
    canManageKeys ? listApiKeys(deps, await authorize(deps.people, actor, authorized.workspaceId, 'key.manage')) : [],
  ]);
  const nameOf = (userId: string) => members.find((member) => member.userId === userId)?.name ?? 'a former member';

  return (
    <Page
      title="Members & keys"
      lead={`Who may work in ${workspace.name}, and which programs may ask it.`}
      actions={canManage ? <InviteDialog workspace={slug} createInvitation={createInvitation} /> : null}
    >
      <Section title="Members">
        <MemberList
          workspace={slug}
          ownUserId={actor.userId}
          ownRole={role}
          canManage={canManage}
          members={members.map(({ userId, name, email, role: memberRole, suspendedAt, joinedAt }) => ({
            userId,
            name,
            email,
            role: memberRole,
            isSuspended: suspendedAt !== null,
            joinedAt: joinedAt.toISOString(),
          }))}
          changeRole={changeMemberRole}
          removeMember={removeMember}
        />
        <InvitationList
          workspace={slug}
          revokeInvitation={revokeInvitation}
          invitations={invitations.map(({ id, email, role: invitedRole, expiresAt }) => ({
            id,
            email,
            role: invitedRole,
            expiresAt: expiresAt.toISOString(),
          }))}
        />
      </Section>
      {canManageKeys ? (
        <Section
          title="API keys"
          lead="For programs that speak the OpenAI-compatible API. A key does what it is allowed to, and never more than its maker may."
          actions={<CreateKeyDialog workspace={slug} createApiKey={createApiKey} />}
        >
          <ApiKeyList
            workspace={slug}
            revokeApiKey={revokeApiKey}
            keys={keys.map((key) => ({
              id: key.id,
              name: key.name,
              prefix: key.prefix,
              permissions: key.permissions,
              makerName: nameOf(key.createdBy),
              state: stateOf(key),
              createdAt: key.createdAt.toISOString(),
              expiresAt: key.expiresAt?.toISOString() ?? null,
              lastUsedAt: key.lastUsedAt?.toISOString() ?? null,
            }))}
          />
        </Section>
      ) : null}
    </Page>
  );
}
