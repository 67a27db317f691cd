'use client';

import { Ellipsis, Trash2 } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { toast } from 'sonner';
import { Button } from '#app/_components/ui/button.tsx';
import { ConfirmDialog } from '#app/_components/ui/confirm-dialog.tsx';
import { Menu, MenuItem } from '#app/_components/ui/menu.tsx';
import type { ActionResult } from '#app/_server/action.ts';

export function DataSetMenu({
  workspace,
  dataSetId,
  name,
  deleteDataSet,
}: {
  readonly workspace: string;
  readonly dataSetId: string;
  readonly name: string;
  readonly deleteDataSet: (input: { workspace: string; dataSetId: string }) => Promise<ActionResult<unknown>>;
}) {
  const router = useRouter();
  const [isAsking, setAsking] = useState(false);
  return (
    <>
      <Menu
        align="end"
        trigger={
          <Button size="icon" className="size-10" aria-label="More">
            <Ellipsis aria-hidden />
          </Button>
        }
      >
        <MenuItem isDangerous onSelect={() => setAsking(true)}>
          <Trash2 aria-hidden />
          Delete the data set
        </MenuItem>
      </Menu>
      <ConfirmDialog
        isOpen={isAsking}
        onOpenChange={setAsking}
        title={`Delete “${name}”?`}
        description="Its rows are removed at once. Frozen versions stay, for the adapters that were trained on them."
        confirmLabel="Delete"
        onConfirm={async () => {
          const result = await deleteDataSet({ workspace, dataSetId });
          if (!result.ok) {
            toast.error(result.error.message);
            return false;
          }
          router.push(`/admin/${workspace}/datasets`);
          return true;
        }}
      />
    </>
  );
}
