'use client';

import { Monitor } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useRef } from 'react';
import { toast } from 'sonner';
import { Badge } from '#app/_components/ui/badge.tsx';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { Field, Input } from '#app/_components/ui/field.tsx';
import { Card } from '#app/_components/ui/page.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import { changePassword, revokeSession } from '#app/(auth)/actions.ts';

export interface SessionView {
  readonly id: string;
  readonly isCurrent: boolean;
  readonly device: string;
  readonly address: string | null;
  /** ISO 8601. */
  readonly createdAt: string;
}

export function PasswordForm() {
  const { run, isPending, error } = useAction(changePassword);
  const router = useRouter();
  const formRef = useRef<HTMLFormElement>(null);
  return (
    <Card className="p-5">
      <form
        ref={formRef}
        className="flex flex-col gap-5"
        onSubmit={(event) => {
          event.preventDefault();
          const data = new FormData(event.currentTarget);
          const read = (name: string) => {
            const value = data.get(name);
            return typeof value === 'string' ? value : '';
          };
          run({ currentPassword: read('currentPassword'), newPassword: read('newPassword') }, () => {
            formRef.current?.reset();
            toast.success('Password changed. All your other sessions have ended.');
            router.refresh();
          });
        }}
      >
        {error === null ? null : <Callout tone="danger">{error}</Callout>}
        <Field label="Current password">
          {(ids) => <Input {...ids} name="currentPassword" type="password" required autoComplete="current-password" />}
        </Field>
        <Field label="New password" hint="At least 12 characters. Your other sessions end.">
          {(ids) => (
            <Input
              {...ids}
              name="newPassword"
              type="password"
              required
              minLength={12}
              maxLength={256}
              autoComplete="new-password"
            />
          )}
        </Field>
        <Button type="submit" look="primary" isPending={isPending} className="self-end">
          Change password
        </Button>
      </form>
    </Card>
  );
}

export function SessionList({ sessions }: { readonly sessions: readonly SessionView[] }) {
  const router = useRouter();
  const { run, isPending, error } = useAction(revokeSession);
  return (
    <Card>
      {error === null ? null : (
        <Callout tone="danger" className="m-4">
          {error}
        </Callout>
      )}
      <ul className="divide-y divide-line">
        {sessions.map((session) => (
          <li key={session.id} className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3 sm:px-5">
            <Monitor aria-hidden className="size-4 shrink-0 text-ink-faint" />
            <div className="min-w-44 flex-1 text-sm">
              <p className="flex items-center gap-2 font-medium">
                {session.device}
                {session.isCurrent ? <Badge tone="accent">This one</Badge> : null}
              </p>
              <p className="text-[0.8125rem] text-ink-faint">
                {session.address === null ? '' : `${session.address} · `}since <Time value={session.createdAt} />
              </p>
            </div>
            {session.isCurrent ? null : (
              <Button
                size="sm"
                disabled={isPending}
                onClick={() => run({ sessionId: session.id }, () => router.refresh())}
              >
                End
              </Button>
            )}
          </li>
        ))}
      </ul>
    </Card>
  );
}
