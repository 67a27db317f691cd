'use client';

import { Download } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { toast } from 'sonner';
import { Button } from '#app/_components/ui/button.tsx';
import { Progress } from '#app/_components/ui/progress.tsx';
import { Select } from '#app/_components/ui/select.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import { useRefreshWhile } from '#app/_components/ui/use-refresh-while.ts';
import { formatBytes } from '#lib/domain/format-bytes.ts';
import { mergeVersion } from '../actions.ts';

const types = {
  Q8_0: 'Q8_0: nearly the precision of F16, half the size',
  F16: 'F16',
  F32: 'F32: the largest',
} as const;
type MergeType = keyof typeof types;
const typeKeys = ['Q8_0', 'F16', 'F32'] as const satisfies readonly MergeType[];

export function Downloads({
  workspace,
  versionId,
  merged,
  mergeRun,
  canMerge,
}: {
  readonly workspace: string;
  readonly versionId: string;
  readonly merged: readonly { readonly type: MergeType; readonly sizeBytes: number }[];
  readonly mergeRun: { readonly state: string; readonly progress: number | null; readonly error: string | null } | null;
  readonly canMerge: boolean;
}) {
  const router = useRouter();
  const [type, setType] = useState<MergeType>('Q8_0');
  const { isPending, error, run } = useAction(mergeVersion);
  const isMerging = mergeRun !== null && (mergeRun.state === 'queued' || mergeRun.state === 'running');
  useRefreshWhile(isMerging);
  const file = `/api/w/${workspace}/adapters/versions/${versionId}/file`;
  const failure = error ?? (mergeRun?.state === 'failed' ? mergeRun.error : null);
  return (
    <div className="flex flex-col gap-4 text-sm">
      <div className="flex flex-wrap gap-2">
        <Button asChild size="sm">
          <a href={`${file}?format=gguf`} download>
            <Download aria-hidden />
            GGUF
          </a>
        </Button>
        <Button asChild size="sm">
          <a href={`${file}?format=peft`} download>
            <Download aria-hidden />
            PEFT (ZIP)
          </a>
        </Button>
        {merged.map((model) => (
          <Button key={model.type} asChild size="sm">
            <a href={`${file}?format=merged&type=${model.type}`} download>
              <Download aria-hidden />
              Merged model, {model.type} ({formatBytes(model.sizeBytes)})
            </a>
          </Button>
        ))}
      </div>
      {isMerging ? (
        <div className="max-w-xs">
          <p className="mb-1 text-xs text-ink-soft">Merging into the base</p>
          <Progress label="Merging" value={mergeRun.progress} />
        </div>
      ) : canMerge ? (
        <form
          className="flex flex-wrap items-center gap-2"
          onSubmit={(event) => {
            event.preventDefault();
            run({ workspace, versionId, type }, () => {
              toast.success('The merged model is being made.');
              router.refresh();
            });
          }}
        >
          <label htmlFor="merge-type" className="text-ink-soft">
            One model that needs no adapter:
          </label>
          <Select
            id="merge-type"
            value={type}
            onChange={(event) => setType(typeKeys.find((key) => key === event.target.value) ?? 'Q8_0')}
          >
            {typeKeys.map((key) => (
              <option key={key} value={key}>
                {types[key]}
              </option>
            ))}
          </Select>
          <Button type="submit" size="sm" isPending={isPending}>
            Merge
          </Button>
        </form>
      ) : null}
      {failure === null ? null : <p className="text-danger">{failure}</p>}
    </div>
  );
}
