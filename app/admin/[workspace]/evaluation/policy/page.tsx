import type { Metadata } from 'next';
import { Badge } from '#app/_components/ui/badge.tsx';
import { Card, Page, Section } from '#app/_components/ui/page.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import { requireWorkspacePage } from '#app/_server/page.ts';
import { DEFAULT_GATE_POLICY } from '#lib/evaluation/gate-policy.ts';
import { listPolicyHistory, readPolicy } from '#lib/evaluation/policies.ts';
import { PolicyForm } from '../_components/policy-form.tsx';
import { describePolicyChange } from '../_state/describe-policy-change.ts';

export const metadata: Metadata = { title: 'Gate policy' };

export default async function PolicyPage({ params }: { readonly params: Promise<{ readonly workspace: string }> }) {
  const { workspace: slug } = await params;
  const path = `/admin/${slug}/evaluation/policy`;
  const { deps, authorized, permissions } = await requireWorkspacePage(slug, 'evaluation.read', path);
  const [current, history] = await Promise.all([readPolicy(deps, authorized), listPolicyHistory(deps, authorized)]);
  return (
    <Page
      title="Gate policy"
      lead="What an adapter has to show before it may serve this workspace. A change is a new version: passes under the one before allow no promotion any more."
    >
      <PolicyForm
        key={current.number}
        workspace={slug}
        number={current.number}
        initial={current.policy}
        canChange={permissions.includes('gate.override')}
      />
      <Section title="Versions" lead="None is ever changed; every decision names the one that it was made by.">
        {history.length === 0 ? (
          <p className="text-sm text-ink-soft">The product’s default, which nobody has changed.</p>
        ) : (
          <Card>
            <ol className="divide-y divide-line">
              {history.map((version, index) => (
                <li key={version.number} className="px-4 py-3.5 text-sm sm:px-5">
                  <p className="flex flex-wrap items-center gap-x-3 gap-y-1">
                    <span className="font-medium">Version {version.number}</span>
                    {index === 0 ? <Badge tone="accent">decides now</Badge> : null}
                    <span className="text-ink-faint">
                      {version.createdAt === null ? null : <Time value={version.createdAt.toISOString()} />}
                      {version.createdByName === null ? '' : ` · ${version.createdByName}`}
                    </span>
                  </p>
                  <p className="mt-1 text-ink-soft">“{version.note}”</p>
                  <ul className="mt-1 text-[0.8125rem] text-ink-faint">
                    {describePolicyChange(history[index + 1]?.policy ?? DEFAULT_GATE_POLICY, version.policy).map(
                      (change) => (
                        <li key={change}>{change}</li>
                      ),
                    )}
                  </ul>
                </li>
              ))}
            </ol>
          </Card>
        )}
      </Section>
    </Page>
  );
}
