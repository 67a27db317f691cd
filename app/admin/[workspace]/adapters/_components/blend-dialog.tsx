'use client';

import { Blend } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { toast } from 'sonner';
import { Button } from '#app/_components/ui/button.tsx';
import { Dialog } from '#app/_components/ui/dialog.tsx';
import { Field, Input } from '#app/_components/ui/field.tsx';
import { Select } from '#app/_components/ui/select.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import { blendVersions } from '../actions.ts';

const methods = {
  linear: 'Sum: exact',
  ties: 'TIES: the largest changes, by majority of sign',
  dare: 'DARE: a random share of the changes, scaled up',
} as const;
type Method = keyof typeof methods;
const methodKeys = ['linear', 'ties', 'dare'] as const satisfies readonly Method[];

const DEFAULT_RANK = '16';

export function BlendDialog({
  workspace,
  versions,
}: {
  readonly workspace: string;
  readonly versions: readonly { readonly id: string; readonly label: string }[];
}) {
  const router = useRouter();
  const [isOpen, setOpen] = useState(false);
  const [name, setName] = useState('');
  const [weights, setWeights] = useState<Readonly<Record<string, string>>>({});
  const [method, setMethod] = useState<Method>('linear');
  const [rank, setRank] = useState('');
  const [keptShare, setKeptShare] = useState('0.5');
  const { isPending, error, clearError, run } = useAction(blendVersions);
  const parts = Object.entries(weights)
    .filter(([, weight]) => weight.trim() !== '')
    .map(([versionId, weight]) => ({ versionId, weight: Number(weight) }));
  const needsRank = method !== 'linear';

  return (
    <Dialog
      isOpen={isOpen}
      onOpenChange={(next) => {
        setOpen(next);
        clearError();
      }}
      trigger={
        <Button disabled={versions.length < 2}>
          <Blend aria-hidden />
          Blend
        </Button>
      }
      title="Blend adapters"
      description="One new version out of several, each with a weight: 1 is the whole of it, 0.5 half, −1 takes it away. A blend passes the same evaluation as every other version."
    >
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          const request = {
            workspace,
            name,
            parts,
            method,
            rank: rank.trim() === '' ? null : Number(rank),
            keptShare: Number(keptShare),
            seed: 0,
          };
          run(request, () => {
            setOpen(false);
            toast.success('The blend is being made. It appears here as a new version.');
            router.refresh();
          });
        }}
      >
        <fieldset className="min-w-0">
          <legend className="text-sm font-medium">Weights</legend>
          <ul className="mt-2 flex flex-col gap-2">
            {versions.map(({ id, label }) => (
              <li key={id} className="flex items-center gap-3">
                <label htmlFor={`weight-${id}`} className="min-w-0 flex-1 truncate text-sm">
                  {label}
                </label>
                <Input
                  id={`weight-${id}`}
                  type="number"
                  step="any"
                  min={-4}
                  max={4}
                  placeholder="not in it"
                  className="w-28"
                  value={weights[id] ?? ''}
                  onChange={(event) => setWeights((all) => ({ ...all, [id]: event.target.value }))}
                />
              </li>
            ))}
          </ul>
        </fieldset>
        <Field label="Name" hint="An adapter that is called so gets another version.">
          {(ids) => (
            <Input {...ids} required maxLength={80} value={name} onChange={(event) => setName(event.target.value)} />
          )}
        </Field>
        <Field label="Method">
          {(ids) => (
            <Select
              {...ids}
              className="w-full"
              value={method}
              onChange={(event) => {
                const chosen = methodKeys.find((key) => key === event.target.value) ?? 'linear';
                setMethod(chosen);
                if (chosen !== 'linear' && rank === '') setRank(DEFAULT_RANK);
              }}
            >
              {methodKeys.map((key) => (
                <option key={key} value={key}>
                  {methods[key]}
                </option>
              ))}
            </Select>
          )}
        </Field>
        <div className="grid grid-cols-2 gap-4">
          <Field label="Rank" hint={needsRank ? 'Of the result.' : 'Empty: the sum of the ranks, nothing is lost.'}>
            {(ids) => (
              <Input
                {...ids}
                type="number"
                min={1}
                max={256}
                required={needsRank}
                value={rank}
                onChange={(event) => setRank(event.target.value)}
              />
            )}
          </Field>
          {needsRank ? (
            <Field label="Kept share" hint="Of each adapter's changes.">
              {(ids) => (
                <Input
                  {...ids}
                  type="number"
                  step="0.05"
                  min={0.05}
                  max={1}
                  required
                  value={keptShare}
                  onChange={(event) => setKeptShare(event.target.value)}
                />
              )}
            </Field>
          ) : null}
        </div>
        {error === null ? null : <p className="text-sm text-danger">{error}</p>}
        <div className="flex justify-end">
          <Button type="submit" look="primary" isPending={isPending} disabled={parts.length < 2 || name.trim() === ''}>
            Blend
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
