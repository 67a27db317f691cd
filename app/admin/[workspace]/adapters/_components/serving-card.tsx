'use client';

import { History, Radio } from 'lucide-react';
import Link from 'next/link';
import { Button } from '#app/_components/ui/button.tsx';
import { Card } from '#app/_components/ui/page.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import type { ChampionEventView, VersionLabel } from '#lib/registry/read-adapters.ts';
import { rollBackServing } from '../actions.ts';
import { ReasonDialog } from './reason-dialog.tsx';

/** What answers in chat and API now, and the way back to what answered before. */
export function ServingCard({
  workspace,
  serving,
  last,
  former,
  baseModel,
  canRollBack,
}: {
  readonly workspace: string;
  readonly serving: VersionLabel | null;
  readonly last: ChampionEventView | null;
  /** What served before, without what serves now; null is the base alone. Newest first. */
  readonly former: readonly (VersionLabel | null)[];
  readonly baseModel: string | null;
  readonly canRollBack: boolean;
}) {
  return (
    <Card className="p-5 sm:p-6">
      <div className="flex flex-wrap items-start justify-between gap-4">
        <div className="min-w-0">
          <p className="flex items-center gap-2 text-sm text-ink-soft">
            <Radio aria-hidden className="size-4 text-accent-text" />
            Serves this workspace now
          </p>
          <p className="mt-1 font-serif text-2xl font-semibold" data-testid="serving-now">
            {serving === null ? (
              'The base model alone'
            ) : (
              <Link href={`/admin/${workspace}/adapters/versions/${serving.id}`} className="hover:underline">
                {serving.label}
              </Link>
            )}
          </p>
          <p className="mt-1 text-sm text-ink-faint">
            {baseModel === null ? 'No base model is loaded.' : `On ${baseModel}.`}
            {last === null ? null : (
              <>
                {' '}
                Since <Time value={last.createdAt} />, by {last.actor}.
              </>
            )}
          </p>
          {last?.kind === 'override' ? (
            <p className="mt-3 max-w-xl rounded-md bg-warn-soft px-3 py-2 text-sm text-ink">
              Serves without a passing evaluation. Reason given: “{last.reason}”
            </p>
          ) : null}
        </div>
        {canRollBack && former.length > 0 ? (
          <div className="flex flex-wrap gap-2">
            {former.map((version) => (
              <ReasonDialog
                key={version?.id ?? 'base'}
                trigger={
                  <Button>
                    <History aria-hidden />
                    Roll back to {version === null ? 'the base' : version.label}
                  </Button>
                }
                title={`Roll back to ${version === null ? 'the base model alone' : version.label}`}
                description="Answers that are being written end on what they began with. The next question gets the version that you choose here."
                confirmLabel="Roll back"
                doneMessage="Rolled back."
                act={(reason) => rollBackServing({ workspace, versionId: version?.id ?? null, reason })}
              />
            ))}
          </div>
        ) : null}
      </div>
    </Card>
  );
}
