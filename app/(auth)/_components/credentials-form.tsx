'use client';

import { Eye, EyeOff } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { Field, Input } from '#app/_components/ui/field.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import type { ActionResult } from '#app/_server/action.ts';

export interface Credentials {
  readonly name: string;
  readonly email: string;
  readonly password: string;
}

/** The rule that the server enforces, told before the form is sent. */
const PASSWORD_MIN_LENGTH = 12;

function PasswordField({ isNew }: { readonly isNew: boolean }) {
  const [isShown, setShown] = useState(false);
  const Icon = isShown ? EyeOff : Eye;
  return (
    <Field
      label="Password"
      hint={isNew ? `At least ${PASSWORD_MIN_LENGTH} characters. A few words in a row are good.` : null}
    >
      {(ids) => (
        <div className="relative">
          <Input
            {...ids}
            name="password"
            type={isShown ? 'text' : 'password'}
            required
            {...(isNew ? { minLength: PASSWORD_MIN_LENGTH } : {})}
            maxLength={256}
            autoComplete={isNew ? 'new-password' : 'current-password'}
            className="pr-11"
          />
          <Button
            look="quiet"
            size="icon-sm"
            aria-label={isShown ? 'Hide the password' : 'Show the password'}
            aria-pressed={isShown}
            className="absolute right-1 top-1"
            onClick={() => setShown((shown) => !shown)}
          >
            <Icon aria-hidden />
          </Button>
        </div>
      )}
    </Field>
  );
}

/**
 * Sign-in, set-up and joining are one form. After success the browser loads the next page in full: the session is new, and
 * nothing rendered without it may stay.
 */
export function CredentialsForm({
  kind,
  email,
  submitLabel,
  submit,
  children,
}: {
  readonly kind: 'new-account' | 'sign-in';
  /** Fixed by an invitation. */
  readonly email?: string | null;
  readonly submitLabel: string;
  readonly submit: (credentials: Credentials) => Promise<ActionResult<{ readonly redirectTo: string }>>;
  readonly children?: ReactNode;
}) {
  const { run, isPending, error } = useAction(submit);
  const [isLeaving, setLeaving] = useState(false);
  return (
    <form
      className="mt-7 flex flex-col gap-5"
      onSubmit={(event) => {
        event.preventDefault();
        const data = new FormData(event.currentTarget);
        const read = (name: string) => {
          const value = data.get(name);
          return typeof value === 'string' ? value : '';
        };
        run({ name: read('name'), email: read('email'), password: read('password') }, ({ redirectTo }) => {
          setLeaving(true);
          window.location.assign(redirectTo);
        });
      }}
    >
      {error === null ? null : <Callout tone="danger">{error}</Callout>}
      {kind === 'new-account' ? (
        <Field label="Your name">
          {(ids) => <Input {...ids} name="name" required maxLength={120} autoComplete="name" />}
        </Field>
      ) : null}
      <Field label="E-mail">
        {(ids) => (
          <Input
            {...ids}
            name="email"
            type="email"
            required
            maxLength={254}
            autoComplete="username"
            defaultValue={email ?? ''}
            readOnly={Boolean(email)}
          />
        )}
      </Field>
      <PasswordField isNew={kind === 'new-account'} />
      {children}
      <Button type="submit" look="primary" size="lg" isPending={isPending || isLeaving}>
        {submitLabel}
      </Button>
    </form>
  );
}

export function AuthHeading({ title, children }: { readonly title: string; readonly children?: ReactNode }) {
  return (
    <>
      <h1 className="font-serif text-[1.875rem] font-semibold leading-tight tracking-[-0.01em]">{title}</h1>
      {children ? <div className="mt-2 text-[0.9375rem] leading-relaxed text-ink-soft">{children}</div> : null}
    </>
  );
}
