'use client';

import { Archive } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { toast } from 'sonner';
import { Button } from '#app/_components/ui/button.tsx';
import { ConfirmDialog } from '#app/_components/ui/confirm-dialog.tsx';
import { archiveSuite } from '../actions.ts';

export function ArchiveButton({
  workspace,
  suiteId,
  name,
}: {
  readonly workspace: string;
  readonly suiteId: string;
  readonly name: string;
}) {
  const router = useRouter();
  const archive = async () => {
    const result = await archiveSuite({ workspace, suiteId });
    if (!result.ok) {
      toast.error(result.error.message);
      return true;
    }
    toast.success('Archived.');
    router.push(`/admin/${workspace}/evaluation/suites`);
    return true;
  };
  return (
    <ConfirmDialog
      trigger={
        <Button look="quiet">
          <Archive aria-hidden />
          Archive
        </Button>
      }
      title={`Archive ${name}`}
      description="It is asked no more. Runs over it stay readable, but no decision that rests on it allows a promotion any longer. Its name is free again; export it first if you may want it back."
      confirmLabel="Archive"
      onConfirm={archive}
    />
  );
}
