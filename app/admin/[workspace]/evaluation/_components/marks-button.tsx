'use client';

import { ScanSearch } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { toast } from 'sonner';
import { Button } from '#app/_components/ui/button.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import { makeCasesFromMarks } from '../actions.ts';

/** What was marked on the Retrieval page, as a suite. */
export function MarksButton({ workspace, label }: { readonly workspace: string; readonly label: string }) {
  const router = useRouter();
  const { isPending, run } = useAction(async (input: { workspace: string }) => {
    const result = await makeCasesFromMarks(input);
    if (!result.ok) toast.error(result.error.message);
    return result;
  });
  return (
    <Button
      isPending={isPending}
      onClick={() =>
        run({ workspace }, ({ suiteId, added }) => {
          toast.success(added === 0 ? 'All marked questions are cases already.' : `Added ${added} from marks.`);
          router.push(`/admin/${workspace}/evaluation/suites/${suiteId}`);
        })
      }
    >
      <ScanSearch aria-hidden />
      {label}
    </Button>
  );
}
