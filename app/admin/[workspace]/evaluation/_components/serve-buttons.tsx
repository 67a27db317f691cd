'use client';

import { Radio, ShieldAlert } from 'lucide-react';
import { Button } from '#app/_components/ui/button.tsx';
import { ReasonDialog } from '../../adapters/_components/reason-dialog.tsx';
import { overrideServing, promoteServing } from '../../adapters/actions.ts';

const what =
  'It is loaded first. Answers that are being written end on what they began with; the next question gets this version. You can roll back at any time.';

export function PromoteButton({
  workspace,
  versionId,
  label,
}: {
  readonly workspace: string;
  readonly versionId: string;
  readonly label: string;
}) {
  return (
    <ReasonDialog
      trigger={
        <Button look="primary">
          <Radio aria-hidden />
          Promote
        </Button>
      }
      title={`Promote ${label}`}
      description={what}
      confirmLabel="Promote"
      doneMessage={`${label} serves this workspace now.`}
      act={(reason) => promoteServing({ workspace, versionId, reason })}
    />
  );
}

export function OverrideButton({
  workspace,
  versionId,
  label,
}: {
  readonly workspace: string;
  readonly versionId: string;
  readonly label: string;
}) {
  return (
    <ReasonDialog
      trigger={
        <Button look="quiet">
          <ShieldAlert aria-hidden />
          Serve without a pass
        </Button>
      }
      title={`Let ${label} serve`}
      description={what}
      warning="No passing evaluation stands behind this. It is recorded as such, with your name and reason, and shown for as long as this version serves."
      confirmLabel="Serve without a passing evaluation"
      doneMessage={`${label} serves this workspace now.`}
      act={(reason) => overrideServing({ workspace, versionId, reason })}
    />
  );
}
