'use client';

import { Ban, type LucideIcon, RotateCcw, Scale } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { toast } from 'sonner';
import { Button } from '#app/_components/ui/button.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import type { ActionResult } from '#app/_server/action.ts';
import { cancelEvaluation, decideAgain, resumeEvaluation } from '../actions.ts';

type EvaluationAction = (input: {
  readonly workspace: string;
  readonly evaluationId: string;
}) => Promise<ActionResult<unknown>>;

interface Kind {
  readonly act: EvaluationAction;
  readonly Icon: LucideIcon;
  readonly label: string;
  readonly look: 'primary' | 'secondary';
  readonly done: string;
}

const kinds = {
  cancel: {
    act: cancelEvaluation,
    Icon: Ban,
    label: 'Cancel',
    look: 'secondary',
    done: 'It stops; what is answered stays.',
  },
  resume: {
    act: resumeEvaluation,
    Icon: RotateCcw,
    label: 'Go on',
    look: 'primary',
    done: 'It goes on where it stopped.',
  },
  decide: {
    act: decideAgain,
    Icon: Scale,
    label: 'Decide again',
    look: 'primary',
    done: 'Decided under the policy of now.',
  },
} as const satisfies Record<string, Kind>;

/** What can be done with a run itself. */
export function RunControl({
  kind,
  workspace,
  evaluationId,
}: {
  readonly kind: keyof typeof kinds;
  readonly workspace: string;
  readonly evaluationId: string;
}) {
  const router = useRouter();
  const { act, Icon, label, look, done } = kinds[kind];
  const { isPending, run } = useAction(
    async (input: Parameters<EvaluationAction>[0]): Promise<ActionResult<unknown>> => {
      const result = await act(input);
      if (!result.ok) toast.error(result.error.message);
      return result;
    },
  );
  return (
    <Button
      look={look}
      isPending={isPending}
      onClick={() =>
        run({ workspace, evaluationId }, () => {
          toast.success(done);
          router.refresh();
        })
      }
    >
      <Icon aria-hidden />
      {label}
    </Button>
  );
}
