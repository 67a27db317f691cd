'use client';

import { KeyRound, Plus } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { toast } from 'sonner';
import { Badge } from '#app/_components/ui/badge.tsx';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { ConfirmDialog } from '#app/_components/ui/confirm-dialog.tsx';
import { Dialog } from '#app/_components/ui/dialog.tsx';
import { Field, Input } from '#app/_components/ui/field.tsx';
import { Card, EmptyState } from '#app/_components/ui/page.tsx';
import { Select } from '#app/_components/ui/select.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import type { ActionResult } from '#app/_server/action.ts';
import { keyPermissions } from '#lib/domain/actor.ts';
import { SecretOnce } from './secret-once.tsx';

type KeyPermission = (typeof keyPermissions)[number];

const permissionLabels: Readonly<Record<KeyPermission, string>> = {
  'chat.use': 'Ask questions',
  'document.read': 'Read documents',
  'document.write': 'Add and delete documents',
  'run.read': 'Read the state of jobs',
  'adapter.read': 'Read which adapters there are',
  'evaluation.read': 'Read suites and reports',
  'evaluation.run': 'Run evaluations',
  'evaluation.write': 'Import suites',
  'adapter.promote': 'Let adapters serve that the gate has passed',
};

export interface ApiKeyView {
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  readonly permissions: readonly string[];
  readonly makerName: string;
  readonly state: 'active' | 'expired' | 'revoked';
  /** ISO 8601. */
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly lastUsedAt: string | null;
}

export type CreateApiKey = (input: {
  workspace: string;
  name: string;
  permissions: KeyPermission[];
  expiresInDays: number | 'never';
}) => Promise<ActionResult<{ readonly token: string }>>;

export function CreateKeyDialog({ workspace, createApiKey }: { workspace: string; createApiKey: CreateApiKey }) {
  const router = useRouter();
  const { run, isPending, error, clearError } = useAction(createApiKey);
  const [isOpen, setOpen] = useState(false);
  const [token, setToken] = useState<string | null>(null);
  const [isEmpty, setEmpty] = useState(false);
  return (
    <Dialog
      isOpen={isOpen}
      onOpenChange={(next) => {
        setOpen(next);
        if (next) return;
        setToken(null);
        setEmpty(false);
        clearError();
      }}
      trigger={
        <Button>
          <Plus aria-hidden />
          New key
        </Button>
      }
      title={token === null ? 'New API key' : 'The key is ready'}
      description={
        token === null ? 'For programs that ask this workspace. A key never reaches another workspace.' : undefined
      }
    >
      {token === null ? (
        <form
          className="flex flex-col gap-5"
          onSubmit={(event) => {
            event.preventDefault();
            const data = new FormData(event.currentTarget);
            const name = data.get('name');
            const chosen = keyPermissions.filter((permission) => data.getAll('permissions').includes(permission));
            setEmpty(chosen.length === 0);
            if (chosen.length === 0 || typeof name !== 'string') return;
            const days = data.get('expiresInDays');
            run(
              {
                workspace,
                name: name.trim(),
                permissions: chosen,
                expiresInDays: days === 'never' ? days : Number(days),
              },
              (created) => {
                setToken(created.token);
                router.refresh();
              },
            );
          }}
        >
          {error === null ? null : <Callout tone="danger">{error}</Callout>}
          <Field label="Name" hint="Who uses it, and for what.">
            {(ids) => <Input {...ids} name="name" required maxLength={80} autoComplete="off" />}
          </Field>
          <fieldset>
            <legend className="mb-2 text-sm font-medium">May</legend>
            <div className="flex flex-col gap-2">
              {keyPermissions.map((permission) => (
                <label key={permission} className="flex items-center gap-2.5 text-sm">
                  <input
                    type="checkbox"
                    name="permissions"
                    value={permission}
                    defaultChecked={permission === 'chat.use'}
                    className="size-4 accent-accent"
                  />
                  {permissionLabels[permission]}
                  <code className="font-mono text-xs text-ink-faint">{permission}</code>
                </label>
              ))}
            </div>
            {isEmpty ? <p className="mt-2 text-[0.8125rem] text-danger">Choose at least one.</p> : null}
          </fieldset>
          <Field label="Expires">
            {(ids) => (
              <Select {...ids} name="expiresInDays" defaultValue="90" className="w-full">
                <option value="7">After 7 days</option>
                <option value="30">After 30 days</option>
                <option value="90">After 90 days</option>
                <option value="365">After a year</option>
                <option value="never">Never</option>
              </Select>
            )}
          </Field>
          <Button type="submit" look="primary" isPending={isPending} className="self-end">
            Create key
          </Button>
        </form>
      ) : (
        <SecretOnce label="API key" value={token}>
          The key is shown this once and stored nowhere. It ends with your own access to this workspace.
        </SecretOnce>
      )}
    </Dialog>
  );
}

function nameOf(permission: string): string {
  const known = keyPermissions.find((each) => each === permission);
  return known === undefined ? permission : permissionLabels[known];
}

export function ApiKeyList({
  workspace,
  keys,
  revokeApiKey,
}: {
  readonly workspace: string;
  readonly keys: readonly ApiKeyView[];
  readonly revokeApiKey: (input: { workspace: string; keyId: string }) => Promise<ActionResult<unknown>>;
}) {
  const router = useRouter();
  if (keys.length === 0) {
    return (
      <EmptyState icon={<KeyRound aria-hidden />} title="No keys yet">
        With a key, other programs can ask this workspace through the OpenAI-compatible API at <code>/api/v1</code>.
      </EmptyState>
    );
  }
  return (
    <Card>
      <ul className="divide-y divide-line">
        {keys.map((key) => (
          <li key={key.id} className="flex flex-wrap items-center gap-x-4 gap-y-2 px-4 py-3 sm:px-5">
            <div className="min-w-56 flex-1">
              <p className="flex flex-wrap items-center gap-2 text-sm font-medium">
                <span className={key.state === 'active' ? '' : 'text-ink-faint line-through'}>{key.name}</span>
                <code className="font-mono text-xs font-normal text-ink-faint">{key.prefix}…</code>
                {key.state === 'active' ? null : (
                  <Badge tone={key.state === 'revoked' ? 'danger' : 'warn'}>
                    {key.state === 'revoked' ? 'Revoked' : 'Expired'}
                  </Badge>
                )}
              </p>
              <p className="mt-0.5 text-[0.8125rem] leading-snug text-ink-faint">
                {key.permissions.map(nameOf).join(', ')}
              </p>
              <p className="text-[0.8125rem] leading-snug text-ink-faint">
                by {key.makerName} · {key.expiresAt === null ? 'never expires' : `until ${key.expiresAt.slice(0, 10)}`}{' '}
                ·{' '}
                {key.lastUsedAt === null ? (
                  'never used'
                ) : (
                  <>
                    used <Time value={key.lastUsedAt} />
                  </>
                )}
              </p>
            </div>
            {key.state === 'active' ? (
              <ConfirmDialog
                trigger={<Button size="sm">Revoke</Button>}
                title={`Revoke “${key.name}”?`}
                description="Programs that use this key are refused at once. This cannot be undone."
                confirmLabel="Revoke"
                onConfirm={async () => {
                  const result = await revokeApiKey({ workspace, keyId: key.id });
                  if (!result.ok) toast.error(result.error.message);
                  router.refresh();
                  return result.ok;
                }}
              />
            ) : null}
          </li>
        ))}
      </ul>
    </Card>
  );
}
