'use client';

import { Globe } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { toast } from 'sonner';
import { Button } from '#app/_components/ui/button.tsx';
import { Field, Input } from '#app/_components/ui/field.tsx';
import { Card } from '#app/_components/ui/page.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import type { ActionResult } from '#app/_server/action.ts';
import { describeOutcome, type FetchOutcome } from './describe-outcome.ts';

export function AddWebPage({
  workspace,
  fetchWebPage,
}: {
  readonly workspace: string;
  readonly fetchWebPage: (input: {
    workspace: string;
    address: string;
  }) => Promise<ActionResult<{ readonly outcome: FetchOutcome }>>;
}) {
  const router = useRouter();
  const [address, setAddress] = useState('');
  const { run, isPending, error, clearError } = useAction(fetchWebPage);
  return (
    <Card className="mb-8 p-5">
      <form
        className="flex flex-wrap items-start gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          run({ workspace, address }, ({ outcome }) => {
            toast.success(describeOutcome(outcome));
            setAddress('');
            router.refresh();
          });
        }}
      >
        <Field
          label="Address"
          className="min-w-0 flex-1 basis-72"
          hint="The page as a visitor without an account sees it, at most 25 MB."
          error={error ?? undefined}
        >
          {(ids) => (
            <Input
              {...ids}
              inputMode="url"
              autoComplete="url"
              required
              maxLength={2048}
              placeholder="https://example.com/manual"
              value={address}
              onChange={(event) => {
                setAddress(event.target.value);
                clearError();
              }}
            />
          )}
        </Field>
        <Button type="submit" look="primary" isPending={isPending} className="sm:mt-[1.625rem]">
          <Globe aria-hidden />
          Fetch page
        </Button>
      </form>
    </Card>
  );
}
