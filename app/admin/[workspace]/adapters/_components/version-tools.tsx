'use client';

import { History, ShieldCheck, Trash2 } from 'lucide-react';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { toast } from 'sonner';
import { Button } from '#app/_components/ui/button.tsx';
import { ConfirmDialog } from '#app/_components/ui/confirm-dialog.tsx';
import { OverrideButton, PromoteButton } from '../../evaluation/_components/serve-buttons.tsx';
import { deleteVersion, rollBackServing } from '../actions.ts';
import { ReasonDialog } from './reason-dialog.tsx';

export function VersionTools({
  workspace,
  versionId,
  label,
  isServing,
  isPassed,
  hasServed,
  canEvaluate,
  canPromote,
  canOverride,
  canDelete,
}: {
  readonly workspace: string;
  readonly versionId: string;
  readonly label: string;
  readonly isServing: boolean;
  /** The gate's decision allows a promotion now. */
  readonly isPassed: boolean;
  /** A former champion is one click away. */
  readonly hasServed: boolean;
  readonly canEvaluate: boolean;
  readonly canPromote: boolean;
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
      {canEvaluate && !isServing ? (
        <Button asChild>
          <Link href={`/admin/${workspace}/evaluation/new?version=${versionId}`}>
            <ShieldCheck aria-hidden />
            Evaluate
          </Link>
        </Button>
      ) : null}
      {canPromote && isPassed && !isServing ? (
        <PromoteButton workspace={workspace} versionId={versionId} label={label} />
      ) : null}
      {canPromote && hasServed && !isServing ? (
        <ReasonDialog
          trigger={
            <Button>
              <History aria-hidden />
              Roll back to it
            </Button>
          }
          title={`Roll back to ${label}`}
          description="It has served here before, so no evaluation is needed. The next question gets it."
          confirmLabel="Roll back"
          doneMessage={`${label} serves this workspace again.`}
          act={(reason) => rollBackServing({ workspace, versionId, reason })}
        />
      ) : null}
      {canOverride && !isPassed && !isServing ? (
        <OverrideButton workspace={workspace} versionId={versionId} label={label} />
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
