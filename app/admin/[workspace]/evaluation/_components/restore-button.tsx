'use client';

import { Undo2 } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { toast } from 'sonner';
import { Button } from '#app/_components/ui/button.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import { restoreRevision } from '../actions.ts';

export function RestoreButton({
  workspace,
  suiteId,
  basedOn,
  number,
}: {
  readonly workspace: string;
  readonly suiteId: string;
  readonly basedOn: number;
  readonly number: number;
}) {
  const router = useRouter();
  const { isPending, error, run } = useAction(restoreRevision);
  return (
    <>
      <Button
        size="sm"
        look="primary"
        isPending={isPending}
        onClick={() =>
          run({ workspace, suiteId, basedOn, number }, ({ revisionNumber, isChanged }) => {
            toast.success(
              isChanged ? `Revision ${number} is back, as revision ${revisionNumber}.` : 'Nothing differs from it.',
            );
            router.push(`/admin/${workspace}/evaluation/suites/${suiteId}`);
            router.refresh();
          })
        }
      >
        <Undo2 aria-hidden />
        Make it current again
      </Button>
      {error === null ? null : <p className="self-center text-sm text-danger">{error}</p>}
    </>
  );
}
