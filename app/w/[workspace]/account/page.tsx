import type { Metadata } from 'next';
import { Page, Section } from '#app/_components/ui/page.tsx';
import { requireWorkspacePage } from '#app/_server/page.ts';
import { currentHeaders } from '#app/_server/request-headers.ts';
import { listSessions, readAccount } from '#lib/auth/accounts.ts';
import { PasswordForm, SessionList } from './_components/account-forms.tsx';
import { describeDevice } from './_components/describe-device.ts';

export const metadata: Metadata = { title: 'Account' };

export default async function AccountPage({ params }: { readonly params: Promise<{ readonly workspace: string }> }) {
  const { workspace } = await params;
  const { deps, actor } = await requireWorkspacePage(workspace, 'chat.use', `/w/${workspace}/account`);
  const [person, sessions, current] = await Promise.all([
    readAccount(deps, actor),
    listSessions(deps, actor),
    deps.authenticator.findSession(await currentHeaders()),
  ]);
  return (
    <Page title="Account" lead={`${person.name}, ${person.email}`} isNarrow>
      <Section
        title="Sessions"
        lead="Where you are signed in. End what you do not recognise, then change the password."
      >
        <SessionList
          sessions={sessions.map((session) => ({
            id: session.id,
            isCurrent: session.id === current?.sessionId,
            device: describeDevice(session.userAgent),
            address: session.ipAddress === '' ? null : session.ipAddress,
            createdAt: session.createdAt.toISOString(),
          }))}
        />
      </Section>
      <Section title="Password">
        <PasswordForm />
      </Section>
    </Page>
  );
}
