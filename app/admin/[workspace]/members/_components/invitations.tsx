'use client';

import { UserPlus } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { toast } from 'sonner';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { ConfirmDialog } from '#app/_components/ui/confirm-dialog.tsx';
import { Dialog } from '#app/_components/ui/dialog.tsx';
import { Field, Input } from '#app/_components/ui/field.tsx';
import { Card } from '#app/_components/ui/page.tsx';
import { Select } from '#app/_components/ui/select.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import type { ActionResult } from '#app/_server/action.ts';
import { roleLabels } from './role-labels.ts';
import { SecretOnce } from './secret-once.tsx';

const invitableRoles = ['member', 'evaluator', 'admin'] as const;
export type InvitableRole = (typeof invitableRoles)[number];

export interface InvitationView {
  readonly id: string;
  readonly email: string | null;
  readonly role: InvitableRole;
  /** ISO 8601. */
  readonly expiresAt: string;
}

export type CreateInvitation = (input: {
  workspace: string;
  role: InvitableRole;
  email: string | null;
  expiresInDays: number;
}) => Promise<ActionResult<{ readonly link: string }>>;

export function InviteDialog({
  workspace,
  createInvitation,
}: {
  workspace: string;
  createInvitation: CreateInvitation;
}) {
  const router = useRouter();
  const { run, isPending, error, clearError } = useAction(createInvitation);
  const [link, setLink] = useState<string | null>(null);
  const [isOpen, setOpen] = useState(false);
  const [role, setRole] = useState<InvitableRole>('member');
  return (
    <Dialog
      isOpen={isOpen}
      onOpenChange={(next) => {
        setOpen(next);
        if (next) return;
        setLink(null);
        clearError();
      }}
      trigger={
        <Button look="primary">
          <UserPlus aria-hidden />
          Invite
        </Button>
      }
      title={link === null ? 'Invite someone' : 'The invitation is ready'}
    >
      {link === null ? (
        <form
          className="flex flex-col gap-5"
          onSubmit={(event) => {
            event.preventDefault();
            const data = new FormData(event.currentTarget);
            const email = data.get('email');
            run(
              {
                workspace,
                role,
                email: typeof email === 'string' && email.trim() !== '' ? email.trim() : null,
                expiresInDays: Number(data.get('expiresInDays')),
              },
              (created) => {
                setLink(new URL(created.link, window.location.origin).toString());
                router.refresh();
              },
            );
          }}
        >
          {error === null ? null : <Callout tone="danger">{error}</Callout>}
          <Field label="Role" hint={roleLabels[role].may}>
            {(ids) => (
              <Select
                {...ids}
                className="w-full"
                value={role}
                onChange={(event) => setRole(invitableRoles.find((each) => each === event.target.value) ?? 'member')}
              >
                {invitableRoles.map((each) => (
                  <option key={each} value={each}>
                    {roleLabels[each].name}
                  </option>
                ))}
              </Select>
            )}
          </Field>
          <Field
            label="E-mail"
            hint="Optional. Then the link works for this address only. Lorehouse sends no mail itself."
          >
            {(ids) => <Input {...ids} name="email" type="email" maxLength={254} autoComplete="off" />}
          </Field>
          <Field label="Valid for">
            {(ids) => (
              <Select {...ids} name="expiresInDays" defaultValue="7" className="w-full">
                <option value="1">1 day</option>
                <option value="7">7 days</option>
                <option value="30">30 days</option>
              </Select>
            )}
          </Field>
          <Button type="submit" look="primary" isPending={isPending} className="self-end">
            Create the link
          </Button>
        </form>
      ) : (
        <SecretOnce label="Invitation link" value={link}>
          The link is shown this once. Send it to the person yourself; it works for one account.
        </SecretOnce>
      )}
    </Dialog>
  );
}

export function InvitationList({
  workspace,
  invitations,
  revokeInvitation,
}: {
  readonly workspace: string;
  readonly invitations: readonly InvitationView[];
  readonly revokeInvitation: (input: { workspace: string; invitationId: string }) => Promise<ActionResult<unknown>>;
}) {
  const router = useRouter();
  if (invitations.length === 0) return null;
  return (
    <Card className="mt-4">
      <h3 className="px-4 pt-4 text-sm font-medium sm:px-5">Open invitations</h3>
      <ul className="mt-1 divide-y divide-line">
        {invitations.map((invitation) => (
          <li key={invitation.id} className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3 sm:px-5">
            <div className="min-w-48 flex-1 text-sm">
              <p>{invitation.email ?? 'Anyone with the link'}</p>
              <p className="text-[0.8125rem] text-ink-faint">
                {roleLabels[invitation.role].name} · valid until {invitation.expiresAt.slice(0, 10)}
              </p>
            </div>
            <ConfirmDialog
              trigger={<Button size="sm">Revoke</Button>}
              title="Revoke this invitation?"
              description="The link stops working at once."
              confirmLabel="Revoke"
              onConfirm={async () => {
                const result = await revokeInvitation({ workspace, invitationId: invitation.id });
                if (!result.ok) toast.error(result.error.message);
                router.refresh();
                return result.ok;
              }}
            />
          </li>
        ))}
      </ul>
    </Card>
  );
}
