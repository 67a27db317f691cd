'use client';

import type { ReactNode } from 'react';
import { useCallback, useState } from 'react';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import { acceptInvitation, acceptInvitationWithNewAccount, setUp, signIn } from '../actions.ts';
import { type Credentials, CredentialsForm } from './credentials-form.tsx';

export function SignInForm({ next, children }: { readonly next: string | null; readonly children?: ReactNode }) {
  const submit = useCallback(({ email, password }: Credentials) => signIn({ email, password, next }), [next]);
  return (
    <CredentialsForm kind="sign-in" submitLabel="Sign in" submit={submit}>
      {children}
    </CredentialsForm>
  );
}

export function SetUpForm({ token }: { readonly token: string }) {
  const submit = useCallback((credentials: Credentials) => setUp({ token, ...credentials }), [token]);
  return <CredentialsForm kind="new-account" submitLabel="Create the owner account" submit={submit} />;
}

export function JoinForm({ token, email }: { readonly token: string; readonly email: string | null }) {
  const submit = useCallback(
    (credentials: Credentials) => acceptInvitationWithNewAccount({ token, ...credentials }),
    [token],
  );
  return <CredentialsForm kind="new-account" email={email} submitLabel="Create account and join" submit={submit} />;
}

export function JoinButton({ token, workspaceName }: { readonly token: string; readonly workspaceName: string }) {
  const { run, isPending, error } = useAction(acceptInvitation);
  const [isLeaving, setLeaving] = useState(false);
  return (
    <div className="mt-7 flex flex-col gap-5">
      {error === null ? null : <Callout tone="danger">{error}</Callout>}
      <Button
        look="primary"
        size="lg"
        isPending={isPending || isLeaving}
        onClick={() => {
          run({ token }, ({ redirectTo }) => {
            setLeaving(true);
            window.location.assign(redirectTo);
          });
        }}
      >
        Join {workspaceName}
      </Button>
    </div>
  );
}
