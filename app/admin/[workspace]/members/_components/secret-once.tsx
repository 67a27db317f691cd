'use client';

import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { CopyButton } from '#app/_components/ui/copy-button.tsx';
import { DialogClose } from '#app/_components/ui/dialog.tsx';
import { Input } from '#app/_components/ui/field.tsx';

/** A secret that the server shows once: only its hash is stored. */
export function SecretOnce({
  label,
  value,
  children,
}: {
  readonly label: string;
  readonly value: string;
  readonly children: React.ReactNode;
}) {
  return (
    <div className="flex flex-col gap-4">
      <Callout tone="warn" title="Copy it now">
        {children}
      </Callout>
      <div className="flex gap-2">
        <Input
          readOnly
          aria-label={label}
          value={value}
          className="font-mono text-xs"
          onFocus={(event) => event.currentTarget.select()}
        />
        <CopyButton look="primary" text={value} label="Copy" />
      </div>
      <DialogClose asChild>
        <Button className="self-end">Done</Button>
      </DialogClose>
    </div>
  );
}
