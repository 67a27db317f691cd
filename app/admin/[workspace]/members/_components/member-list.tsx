'use client';

import { UserMinus } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { toast } from 'sonner';
import { Badge } from '#app/_components/ui/badge.tsx';
import { Button } from '#app/_components/ui/button.tsx';
import { ConfirmDialog } from '#app/_components/ui/confirm-dialog.tsx';
import { Card } from '#app/_components/ui/page.tsx';
import { Select } from '#app/_components/ui/select.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import type { ActionResult } from '#app/_server/action.ts';
import { type Role, roles } from '#lib/domain/actor.ts';
import { roleLabels } from './role-labels.ts';

export interface MemberView {
  readonly userId: string;
  readonly name: string;
  readonly email: string;
  readonly role: Role;
  readonly isSuspended: boolean;
  /** ISO 8601. */
  readonly joinedAt: string;
}

export function MemberList({
  workspace,
  members,
  ownUserId,
  ownRole,
  canManage,
  changeRole,
  removeMember,
}: {
  readonly workspace: string;
  readonly members: readonly MemberView[];
  readonly ownUserId: string;
  readonly ownRole: Role;
  readonly canManage: boolean;
  readonly changeRole: (input: { workspace: string; userId: string; role: Role }) => Promise<ActionResult<unknown>>;
  readonly removeMember: (input: { workspace: string; userId: string }) => Promise<ActionResult<unknown>>;
}) {
  const router = useRouter();
  const settle = (result: ActionResult<unknown>, done: string): boolean => {
    if (result.ok) toast.success(done);
    else toast.error(result.error.message);
    router.refresh();
    return result.ok;
  };
  return (
    <Card>
      <ul className="divide-y divide-line">
        {members.map((member) => {
          // Owners are changed by owners only; the server says the same.
          const isLocked = !canManage || (member.role === 'owner' && ownRole !== 'owner');
          return (
            <li key={member.userId} className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3 sm:px-5">
              <div className="min-w-48 flex-1">
                <p className="flex flex-wrap items-center gap-2 text-sm font-medium">
                  {member.name}
                  {member.userId === ownUserId ? <Badge>You</Badge> : null}
                  {member.isSuspended ? <Badge tone="danger">Suspended</Badge> : null}
                </p>
                <p className="break-all text-[0.8125rem] text-ink-faint">
                  {member.email} · joined <Time value={member.joinedAt} />
                </p>
              </div>
              {isLocked ? (
                <span className="text-sm text-ink-soft" title={roleLabels[member.role].may}>
                  {roleLabels[member.role].name}
                </span>
              ) : (
                <>
                  <Select
                    aria-label={`Role of ${member.name}`}
                    value={member.role}
                    onChange={(event) => {
                      const role = roles.find((each) => each === event.target.value);
                      if (role === undefined) return;
                      void changeRole({ workspace, userId: member.userId, role }).then((result) =>
                        settle(result, `${member.name} is now ${roleLabels[role].name.toLowerCase()}.`),
                      );
                    }}
                  >
                    {roles
                      .filter((role) => role !== 'owner' || ownRole === 'owner')
                      .map((role) => (
                        <option key={role} value={role}>
                          {roleLabels[role].name}
                        </option>
                      ))}
                  </Select>
                  <ConfirmDialog
                    trigger={
                      <Button look="quiet" size="icon" aria-label={`Remove ${member.name}`}>
                        <UserMinus aria-hidden />
                      </Button>
                    }
                    title={member.userId === ownUserId ? 'Leave this workspace?' : `Remove ${member.name}?`}
                    description="Access ends at once, and every API key that this person made here stops working. Their conversations are kept."
                    confirmLabel="Remove"
                    onConfirm={async () => {
                      const isDone = settle(
                        await removeMember({ workspace, userId: member.userId }),
                        `${member.name} was removed.`,
                      );
                      if (isDone && member.userId === ownUserId) window.location.assign('/');
                      return isDone;
                    }}
                  />
                </>
              )}
            </li>
          );
        })}
      </ul>
    </Card>
  );
}
