'use client';

import { useRouter } from 'next/navigation';
import { type ReactNode, useState } from 'react';
import { toast } from 'sonner';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { Dialog } from '#app/_components/ui/dialog.tsx';
import { Field, Textarea } from '#app/_components/ui/field.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import type { ActionResult } from '#app/_server/action.ts';

const MIN_REASON_CHARACTERS = 10;

/** Asks for the reason that stays with a move of the champion for good. */
export function ReasonDialog({
  trigger,
  title,
  description,
  warning,
  confirmLabel,
  doneMessage,
  act,
}: {
  readonly trigger: ReactNode;
  readonly title: string;
  readonly description: ReactNode;
  readonly warning?: string;
  readonly confirmLabel: string;
  readonly doneMessage: string;
  readonly act: (reason: string) => Promise<ActionResult<unknown>>;
}) {
  const router = useRouter();
  const [isOpen, setOpen] = useState(false);
  const [reason, setReason] = useState('');
  const { isPending, error, clearError, run } = useAction(act);
  return (
    <Dialog
      isOpen={isOpen}
      onOpenChange={(next) => {
        setOpen(next);
        clearError();
      }}
      trigger={trigger}
      title={title}
      description={description}
    >
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          run(reason, () => {
            setOpen(false);
            setReason('');
            toast.success(doneMessage);
            router.refresh();
          });
        }}
      >
        {warning === undefined ? null : <Callout tone="warn">{warning}</Callout>}
        <Field
          label="Reason"
          hint="Kept in the history with your name. At least ten characters."
          error={error ?? undefined}
        >
          {(ids) => (
            <Textarea
              {...ids}
              required
              value={reason}
              onChange={(event) => setReason(event.target.value)}
              maxLength={2000}
            />
          )}
        </Field>
        <div className="flex justify-end">
          <Button
            type="submit"
            look="primary"
            isPending={isPending}
            disabled={reason.trim().length < MIN_REASON_CHARACTERS}
          >
            {confirmLabel}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
