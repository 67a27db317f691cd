'use client';

import { RotateCw } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { toast } from 'sonner';
import { Button } from '#app/_components/ui/button.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import type { ActionResult } from '#app/_server/action.ts';
import { describeOutcome, type FetchOutcome } from './describe-outcome.ts';

export function FetchAgain({
  workspace,
  documentId,
  fetchWebPageAgain,
}: {
  readonly workspace: string;
  readonly documentId: string;
  readonly fetchWebPageAgain: (input: {
    workspace: string;
    documentId: string;
  }) => Promise<ActionResult<{ readonly outcome: FetchOutcome }>>;
}) {
  const router = useRouter();
  const { run, isPending, error } = useAction(fetchWebPageAgain);
  return (
    <>
      <Button
        size="sm"
        isPending={isPending}
        onClick={() =>
          run({ workspace, documentId }, ({ outcome }) => {
            toast.success(describeOutcome(outcome));
            router.refresh();
          })
        }
      >
        <RotateCw aria-hidden />
        Fetch again
      </Button>
      {error === null ? null : (
        <p role="alert" className="basis-full text-[0.8125rem] leading-snug text-danger">
          {error}
        </p>
      )}
    </>
  );
}
