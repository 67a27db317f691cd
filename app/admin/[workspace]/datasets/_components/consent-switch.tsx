'use client';

import { useRouter } from 'next/navigation';
import { toast } from 'sonner';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import type { ActionResult } from '#app/_server/action.ts';

/** The workspace's word on learning from its members' conversations. Off unless an admin says otherwise. */
export function ConsentSwitch({
  workspace,
  isOn,
  canDecide,
  setConsent,
}: {
  readonly workspace: string;
  readonly isOn: boolean;
  readonly canDecide: boolean;
  readonly setConsent: (input: { workspace: string; isOn: boolean }) => Promise<ActionResult<unknown>>;
}) {
  const router = useRouter();
  const { run, isPending, error } = useAction(setConsent);
  return (
    <Callout
      className="mt-8"
      title={isOn ? 'Rated conversations may become rows' : 'Conversations are left alone'}
      actions={
        canDecide ? (
          <Button
            size="sm"
            isPending={isPending}
            onClick={() =>
              run({ workspace, isOn: !isOn }, () => {
                toast.success(
                  isOn ? 'Conversations are left alone from now on.' : 'Rated conversations may become rows.',
                );
                router.refresh();
              })
            }
          >
            {isOn ? 'Stop learning from conversations' : 'Allow learning from conversations'}
          </Button>
        ) : null
      }
    >
      {isOn
        ? 'Answers that members rated helpful, and corrections they wrote, can be taken into data sets. Reviewers will read those turns. Rows that were taken in stay when this is turned off.'
        : 'What members ask is private to them. Allow this only after telling them: then answers they rated helpful, and corrections they wrote, can be taken into data sets, with personal data replaced, and reviewers will read them.'}
      {error === null ? null : <p className="mt-2 text-danger">{error}</p>}
    </Callout>
  );
}
