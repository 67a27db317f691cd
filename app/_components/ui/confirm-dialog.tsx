'use client';

import { AlertDialog as Primitive } from 'radix-ui';
import { type ReactNode, useState, useTransition } from 'react';
import { Button } from './button.tsx';

/** Asks before an act that cannot be undone. `onConfirm` resolves to true when the dialog may close. */
export function ConfirmDialog({
  trigger,
  isOpen,
  onOpenChange,
  title,
  description,
  confirmLabel,
  onConfirm,
}: {
  readonly trigger?: ReactNode;
  readonly isOpen?: boolean;
  readonly onOpenChange?: (isOpen: boolean) => void;
  readonly title: string;
  readonly description: ReactNode;
  readonly confirmLabel: string;
  readonly onConfirm: () => Promise<boolean>;
}) {
  const [isOpenInside, setOpenInside] = useState(false);
  const [isPending, startTransition] = useTransition();
  const setOpen = onOpenChange ?? setOpenInside;
  return (
    <Primitive.Root open={isOpen ?? isOpenInside} onOpenChange={setOpen}>
      {trigger ? <Primitive.Trigger asChild>{trigger}</Primitive.Trigger> : null}
      <Primitive.Portal>
        <Primitive.Overlay className="fixed inset-0 z-40 animate-appear bg-black/45" />
        <Primitive.Content className="fixed inset-x-4 top-[18vh] z-50 mx-auto max-w-md animate-rise rounded-xl border border-line bg-raised p-6 shadow-float">
          <Primitive.Title className="font-serif text-xl font-semibold">{title}</Primitive.Title>
          <Primitive.Description asChild>
            <div className="mt-2 text-sm leading-relaxed text-ink-soft">{description}</div>
          </Primitive.Description>
          <div className="mt-6 flex flex-wrap justify-end gap-2">
            <Primitive.Cancel asChild>
              <Button>Cancel</Button>
            </Primitive.Cancel>
            <Button
              look="danger"
              isPending={isPending}
              onClick={() => {
                startTransition(async () => {
                  if (await onConfirm()) setOpen(false);
                });
              }}
            >
              {confirmLabel}
            </Button>
          </div>
        </Primitive.Content>
      </Primitive.Portal>
    </Primitive.Root>
  );
}
