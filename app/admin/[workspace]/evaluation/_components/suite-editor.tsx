'use client';

import { History, Pencil, Plus, Trash2, Undo2 } from 'lucide-react';
import Link from 'next/link';
import { useRouter } from 'next/navigation';
import { useEffect, useState } from 'react';
import { toast } from 'sonner';
import { Badge } from '#app/_components/ui/badge.tsx';
import { Button } from '#app/_components/ui/button.tsx';
import { Callout } from '#app/_components/ui/callout.tsx';
import { classNames } from '#app/_components/ui/class-names.ts';
import { Dialog } from '#app/_components/ui/dialog.tsx';
import { Field, Input } from '#app/_components/ui/field.tsx';
import { Card, Section } from '#app/_components/ui/page.tsx';
import { useAction } from '#app/_components/ui/use-action.ts';
import { describeAssertion } from '../_state/assertion-looks.ts';
import { type DraftCase, emptyCase } from '../_state/draft-case.ts';
import { reviseSuite } from '../actions.ts';
import { CaseForm } from './case-form.tsx';
import { CaseSourceNote } from './case-source.tsx';

/** Rows in the page at once; more are found by searching. */
const SHOWN_CASES = 200;

const matches = ({ question, key, area, tags }: DraftCase, search: string) =>
  [question, key, area, ...tags].some((text) => text.toLowerCase().includes(search.toLowerCase()));

/** The cases of a suite. Changes gather until someone saves them, as one revision. */
export function SuiteEditor({
  workspace,
  suiteId,
  revisionNumber,
  cases,
  canWrite,
  documentTitles,
  documentIds,
  openKey,
}: {
  readonly workspace: string;
  readonly suiteId: string;
  readonly revisionNumber: number;
  readonly cases: readonly DraftCase[];
  readonly canWrite: boolean;
  readonly documentTitles: readonly string[];
  /** Documents that are there, for links to the sources of cases. */
  readonly documentIds: readonly string[];
  /** Key of the case that an address asks for. */
  readonly openKey: string | null;
}) {
  const router = useRouter();
  const [changed, setChanged] = useState<ReadonlyMap<string, DraftCase>>(new Map());
  const [removed, setRemoved] = useState<ReadonlySet<string>>(new Set());
  const [note, setNote] = useState('');
  const [search, setSearch] = useState('');
  const [editing, setEditing] = useState<DraftCase | null>(
    () => (canWrite ? cases.find(({ key }) => key === openKey) : undefined) ?? null,
  );
  const { isPending, error, run } = useAction(reviseSuite);

  const known = new Set(cases.map(({ key }) => key));
  const all = [
    ...cases.map((each) => changed.get(each.key) ?? each),
    ...[...changed.values()].filter(({ key }) => !known.has(key)),
  ];
  const found = search.trim() === '' ? all : all.filter((each) => matches(each, search.trim()));
  const changes = changed.size + removed.size;
  const areas = [...new Set(['grounding', 'citations', 'refusal', 'safety', 'voice', ...all.map(({ area }) => area)])];

  useEffect(() => {
    if (changes === 0) return undefined;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', warn);
    return () => window.removeEventListener('beforeunload', warn);
  }, [changes]);

  const keep = (testCase: DraftCase) => {
    setChanged(new Map([...changed, [testCase.key, testCase]]));
    setEditing(null);
  };
  const toggleRemoved = (key: string) => {
    if (!known.has(key)) {
      setChanged(new Map([...changed].filter(([each]) => each !== key)));
      return;
    }
    setRemoved(new Set(removed.has(key) ? [...removed].filter((each) => each !== key) : [...removed, key]));
  };
  const discard = () => {
    setChanged(new Map());
    setRemoved(new Set());
    setNote('');
  };

  return (
    <Section
      title={`${all.length} ${all.length === 1 ? 'case' : 'cases'}`}
      actions={
        <div className="flex flex-wrap gap-2">
          <Input
            type="search"
            aria-label="Search the cases"
            placeholder="Search question, area, tag"
            className="w-60"
            value={search}
            onChange={(event) => setSearch(event.target.value)}
          />
          {canWrite ? (
            <Button look="primary" onClick={() => setEditing(emptyCase)}>
              <Plus aria-hidden />
              Add a case
            </Button>
          ) : null}
        </div>
      }
    >
      <Card>
        <ul className="divide-y divide-line">
          {found.slice(0, SHOWN_CASES).map((testCase) => {
            const isGone = removed.has(testCase.key);
            const isNew = !known.has(testCase.key);
            return (
              <li key={testCase.key} className="flex items-start gap-3 px-4 py-3.5 sm:px-5">
                <div className={classNames('min-w-0 flex-1', isGone && 'line-through')}>
                  <p className="flex flex-wrap items-center gap-x-2 gap-y-1 text-sm font-medium [overflow-wrap:anywhere]">
                    {testCase.question}
                    {testCase.isMustPass ? <Badge tone="warn">must pass</Badge> : null}
                    {isNew ? <Badge tone="accent">new</Badge> : null}
                    {!isNew && changed.has(testCase.key) ? <Badge tone="accent">changed</Badge> : null}
                  </p>
                  <p className="mt-0.5 text-[0.8125rem] leading-snug text-ink-soft [overflow-wrap:anywhere]">
                    {testCase.assertions.map(describeAssertion).join('; ')}
                  </p>
                  <p className="mt-0.5 text-xs text-ink-faint">
                    {[
                      testCase.area,
                      ...testCase.tags,
                      ...(testCase.history.length === 0 ? [] : [`after ${testCase.history.length} turns`]),
                      ...(testCase.weight === 1 ? [] : [`weight ${testCase.weight}`]),
                    ].join(' · ')}
                  </p>
                  {testCase.source === undefined ? null : (
                    <CaseSourceNote
                      workspace={workspace}
                      source={testCase.source}
                      isLinked={documentIds.includes(testCase.source.documentId)}
                    />
                  )}
                </div>
                <div className="flex shrink-0">
                  {isNew ? null : (
                    <Button look="quiet" size="icon-sm" aria-label={`History of “${testCase.question}”`} asChild>
                      <Link href={`/admin/${workspace}/evaluation/suites/${suiteId}/cases/${testCase.key}`}>
                        <History aria-hidden />
                      </Link>
                    </Button>
                  )}
                  {canWrite ? (
                    <>
                      {isGone ? null : (
                        <Button
                          look="quiet"
                          size="icon-sm"
                          aria-label={`Edit “${testCase.question}”`}
                          onClick={() => setEditing(testCase)}
                        >
                          <Pencil aria-hidden />
                        </Button>
                      )}
                      <Button
                        look="quiet"
                        size="icon-sm"
                        aria-label={`${isGone ? 'Keep' : 'Remove'} “${testCase.question}”`}
                        onClick={() => toggleRemoved(testCase.key)}
                      >
                        {isGone ? <Undo2 aria-hidden /> : <Trash2 aria-hidden />}
                      </Button>
                    </>
                  ) : null}
                </div>
              </li>
            );
          })}
          {found.length === 0 ? <li className="px-5 py-6 text-sm text-ink-soft">No case fits the search.</li> : null}
        </ul>
      </Card>
      {found.length > SHOWN_CASES ? (
        <p className="mt-2 text-[0.8125rem] text-ink-faint">
          The first {SHOWN_CASES} of {found.length}. Search for the others.
        </p>
      ) : null}
      {changes === 0 ? null : (
        <form
          aria-label="Unsaved changes"
          className="sticky bottom-3 z-10 mt-4 rounded-xl border border-line-strong bg-raised p-4 shadow-float"
          onSubmit={(event) => {
            event.preventDefault();
            run(
              {
                workspace,
                suiteId,
                basedOn: revisionNumber,
                note,
                changed: [...changed.values()],
                removed: [...removed],
              },
              (saved) => {
                discard();
                toast.success(
                  saved.isChanged
                    ? `Saved as revision ${saved.revisionNumber}.`
                    : 'Nothing differs; nothing was saved.',
                );
                router.refresh();
              },
            );
          }}
        >
          {error === null ? null : (
            <Callout tone="danger" className="mb-3">
              {error}
            </Callout>
          )}
          <div className="flex flex-wrap items-end gap-3">
            <Field
              label={`${changes} unsaved ${changes === 1 ? 'change' : 'changes'}`}
              className="min-w-0 flex-1 basis-56"
            >
              {(ids) => (
                <Input
                  {...ids}
                  maxLength={500}
                  placeholder="What changes, for the list of revisions"
                  value={note}
                  onChange={(event) => setNote(event.target.value)}
                />
              )}
            </Field>
            <Button onClick={discard}>Discard</Button>
            <Button type="submit" look="primary" isPending={isPending}>
              Save revision {revisionNumber + 1}
            </Button>
          </div>
        </form>
      )}
      <Dialog
        isOpen={editing !== null}
        onOpenChange={(isOpen) => {
          if (!isOpen) setEditing(null);
        }}
        title={editing === emptyCase ? 'New case' : 'Edit the case'}
        description="Kept in the page until you save the revision."
        className="max-w-2xl"
      >
        {editing?.source === undefined ? null : (
          <div className="mb-5">
            <CaseSourceNote
              workspace={workspace}
              source={editing.source}
              isLinked={documentIds.includes(editing.source.documentId)}
            />
          </div>
        )}
        {editing === null ? null : (
          <CaseForm
            workspace={workspace}
            initial={editing}
            saveLabel="Keep"
            documentTitles={documentTitles}
            areas={areas}
            onSave={keep}
          />
        )}
      </Dialog>
    </Section>
  );
}
