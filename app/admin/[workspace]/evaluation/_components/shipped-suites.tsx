'use client';

import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { Fragment, useState } from 'react';
import { toast } from 'sonner';
import { Badge } from '#app/_components/ui/badge.tsx';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { countOf } from '#app/_components/ui/format-amount.ts';
import { Card, Section } from '#app/_components/ui/page.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import type { ShippedState } from '#lib/evaluation/shipped-suites.ts';
import { takeInShippedSuites } from '../actions.ts';

interface ShippedSuiteView {
  readonly name: string;
  readonly description: string;
  readonly caseCount: number;
  readonly areas: readonly string[];
  readonly state: ShippedState;
  /** The workspace's suite of this name. */
  readonly suiteId: string | null;
}

/** States in which there is something to take in; the others are told in a line. */
const offers = {
  absent: { badge: null, hint: null },
  outdated: { badge: 'newer cases ship', hint: 'Taking it in makes the newer cases the next revision.' },
  differs: {
    badge: 'yours differs',
    hint: 'Taking it in makes what ships the next revision; your cases stay in the revision before.',
  },
} as const;

type OfferedSuite = ShippedSuiteView & { readonly state: keyof typeof offers };

const isOffered = (suite: ShippedSuiteView): suite is OfferedSuite => Object.hasOwn(offers, suite.state);

/** Suites that come with the product, and what the workspace has of them. */
export function ShippedSuites({
  workspace,
  suites,
  canWrite,
}: {
  readonly workspace: string;
  readonly suites: readonly ShippedSuiteView[];
  readonly canWrite: boolean;
}) {
  const router = useRouter();
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const { isPending, error, run } = useAction(takeInShippedSuites);
  const offered = suites.filter(isOffered);
  const picked = chosen.filter((name) => offered.some((suite) => suite.name === name));
  const toggle = (name: string) =>
    setChosen(chosen.includes(name) ? chosen.filter((other) => other !== name) : [...chosen, name]);
  const absent = offered.filter(({ state }) => state === 'absent').map(({ name }) => name);

  return (
    <Section
      title="Ship with Lorehouse"
      lead="They bring their own passages along, so they fit every workspace. Once taken in, a suite is yours to edit."
      actions={
        canWrite && offered.length > 0 ? (
          <div className="flex flex-wrap gap-2">
            {absent.length > 1 && picked.length === 0 ? (
              <Button onClick={() => setChosen(absent)}>Choose all {absent.length}</Button>
            ) : null}
            <Button
              look="primary"
              isPending={isPending}
              disabled={picked.length === 0}
              onClick={() =>
                run({ workspace, names: [...picked] }, ({ taken }) => {
                  setChosen([]);
                  toast.success(taken.length === 0 ? 'All of them are here already.' : `Took in ${taken.join(', ')}.`);
                  router.refresh();
                })
              }
            >
              {picked.length === 0 ? 'Take in' : `Take in ${countOf(picked.length, 'suite')}`}
            </Button>
          </div>
        ) : null
      }
    >
      {error === null ? null : (
        <Callout tone="danger" className="mb-4">
          {error}
        </Callout>
      )}
      {offered.length === 0 ? null : (
        <Card>
          <ul aria-label="Suites that ship" className="divide-y divide-line">
            {offered.map(({ name, description, caseCount, areas, state, suiteId }) => (
              <li key={name} className="flex items-start gap-3 px-4 py-3.5 sm:px-5">
                {canWrite ? (
                  <input
                    type="checkbox"
                    aria-label={`Choose ${name}`}
                    className="mt-0.5 size-4 shrink-0 accent-accent"
                    checked={chosen.includes(name)}
                    onChange={() => toggle(name)}
                  />
                ) : null}
                <div className="min-w-0 flex-1">
                  <p className="flex flex-wrap items-center gap-x-2 gap-y-1 text-sm font-medium">
                    <SuiteName workspace={workspace} name={name} suiteId={suiteId} />
                    {offers[state].badge === null ? null : <Badge tone="accent">{offers[state].badge}</Badge>}
                  </p>
                  <p className="mt-0.5 text-[0.8125rem] leading-snug text-ink-soft">{description}</p>
                  <p className="mt-0.5 text-xs text-ink-faint">
                    {countOf(caseCount, 'case')} · measures {areas.join(', ')}
                  </p>
                  {offers[state].hint === null ? null : (
                    <p className="mt-0.5 text-xs text-ink-soft">{offers[state].hint}</p>
                  )}
                </div>
              </li>
            ))}
          </ul>
        </Card>
      )}
      {(['same', 'edited'] as const).map((state) => {
        const here = suites.filter((suite) => suite.state === state);
        if (here.length === 0) return null;
        return (
          <p key={state} className="mt-3 text-[0.8125rem] leading-relaxed text-ink-soft">
            {state === 'same' ? 'Here, as they ship: ' : 'Here, and edited since: '}
            {here.map(({ name, suiteId }, index) => (
              <Fragment key={name}>
                {index === 0 ? '' : ', '}
                <SuiteName workspace={workspace} name={name} suiteId={suiteId} />
              </Fragment>
            ))}
            .
          </p>
        );
      })}
    </Section>
  );
}

function SuiteName({
  workspace,
  name,
  suiteId,
}: {
  readonly workspace: string;
  readonly name: string;
  readonly suiteId: string | null;
}) {
  return suiteId === null ? (
    name
  ) : (
    <Link href={`/admin/${workspace}/evaluation/suites/${suiteId}`} className="underline underline-offset-4">
      {name}
    </Link>
  );
}
