import type { Metadata } from 'next';
import Link from 'next/link';
import { Button } from '#app/_components/ui/button.tsx';
import { getDeps } from '#app/_server/deps.ts';
import { readPagePerson } from '#app/_server/page.ts';
import { readAccount } from '#lib/auth/accounts.ts';
import { readInvitation } from '#lib/auth/invitations.ts';
import { JoinButton, JoinForm } from '../_components/auth-forms.tsx';
import { AuthHeading } from '../_components/credentials-form.tsx';

export const metadata: Metadata = { title: 'Invitation', referrer: 'no-referrer' };

const roleWords = { admin: 'an admin', evaluator: 'an evaluator', member: 'a member' } as const;

export default async function InvitePage({
  searchParams,
}: {
  readonly searchParams: Promise<{ readonly token?: string | string[] }>;
}) {
  const { token } = await searchParams;
  const invitation = typeof token === 'string' ? await readInvitation(getDeps(), token) : null;
  if (invitation === null || typeof token !== 'string') {
    return (
      <>
        <AuthHeading title="This invitation is not valid">
          It was used, revoked or has expired. Ask the person who sent it for a new one.
        </AuthHeading>
        <Button asChild look="primary" size="lg" className="mt-7">
          <Link href="/sign-in">Go to sign-in</Link>
        </Button>
      </>
    );
  }
  const actor = await readPagePerson();
  const person = actor === null ? null : await readAccount(getDeps(), actor);
  return (
    <>
      <AuthHeading title={`Join ${invitation.workspaceName}`}>
        You are invited as {roleWords[invitation.role]}.
        {person === null ? '' : ` You are signed in as ${person.email}.`}
      </AuthHeading>
      {person === null ? (
        <>
          <JoinForm token={token} email={invitation.email} />
          <p className="mt-5 text-sm text-ink-soft">
            You have an account?{' '}
            <Link
              href={`/sign-in?next=${encodeURIComponent(`/invite?token=${token}`)}`}
              className="text-accent-text underline underline-offset-4"
            >
              Sign in to join
            </Link>
          </p>
        </>
      ) : (
        <JoinButton token={token} workspaceName={invitation.workspaceName} />
      )}
    </>
  );
}
