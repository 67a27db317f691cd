'use client';

import { Radio, Trash2 } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { toast } from 'sonner';
import { Button } from '#app/_components/ui/button.tsx';
import { ConfirmDialog } from '#app/_components/ui/confirm-dialog.tsx';
import { deleteVersion, overrideServing } from '../actions.ts';
import { ReasonDialog } from './reason-dialog.tsx';

export function VersionTools({
  workspace,
  versionId,
  label,
  isServing,
  canOverride,
  canDelete,
}: {
  readonly workspace: string;
  readonly versionId: string;
  readonly label: string;
  readonly isServing: boolean;
  readonly canOverride: boolean;
  readonly canDelete: boolean;
}) {
  const router = useRouter();
  const remove = async () => {
    const result = await deleteVersion({ workspace, versionId });
    if (!result.ok) {
      toast.error(result.error.message);
      return true;
    }
    toast.success('Deleted.');
    router.push(`/admin/${workspace}/adapters`);
    return true;
  };
  return (
    <>
      {canOverride && !isServing ? (
        <ReasonDialog
          trigger={
            <Button>
              <Radio aria-hidden />
              Serve without an evaluation
            </Button>
          }
          title={`Let ${label} serve`}
          description="It is loaded first. Answers that are being written end on what they began with; the next question gets this version."
          warning="No passing evaluation stands behind this. It is recorded as such, with your name and reason, and shown for as long as this version serves."
          confirmLabel="Serve without a passing evaluation"
          doneMessage={`${label} serves this workspace now.`}
          act={(reason) => overrideServing({ workspace, versionId, reason })}
        />
      ) : null}
      {canDelete && !isServing ? (
        <ConfirmDialog
          trigger={
            <Button look="quiet">
              <Trash2 aria-hidden />
              Delete
            </Button>
          }
          title={`Delete ${label}`}
          description="Its file goes from the disk. Messages that it wrote keep its name and hash. This cannot be undone; download it first if you may want it again."
          confirmLabel="Delete"
          onConfirm={remove}
        />
      ) : null}
    </>
  );
}
