'use client';

import { Search } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Callout } from '#app/_components/ui/callout.tsx';
import { Dialog } from '#app/_components/ui/dialog.tsx';
import { Input } from '#app/_components/ui/field.tsx';
import type { ActionResult } from '#app/_server/action.ts';

/** Typing is over when this has passed. */
const TYPING_PAUSE_MS = 200;

export interface Candidate {
  readonly id: string;
  readonly title: string;
  readonly fileName: string;
  readonly currentVersionId: string | null;
}

/** Choose the document that answers in place of another. */
export function SuccessorDialog({
  isOpen,
  onOpenChange,
  workspace,
  document,
  findDocuments,
  onChoose,
}: {
  readonly isOpen: boolean;
  readonly onOpenChange: (isOpen: boolean) => void;
  readonly workspace: string;
  readonly document: { readonly id: string; readonly title: string };
  readonly findDocuments: (input: { workspace: string; search: string }) => Promise<ActionResult<readonly Candidate[]>>;
  /** Resolves to what went wrong, or null. */
  readonly onChoose: (successorId: string) => Promise<string | null>;
}) {
  const [search, setSearch] = useState('');
  const [found, setFound] = useState<readonly Candidate[]>([]);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    if (!isOpen) return undefined;
    let isCurrent = true;
    const find = async () => {
      const result = await findDocuments({ workspace, search }).catch(() => null);
      if (!isCurrent) return;
      if (result?.ok) setFound(result.data.filter(({ id }) => id !== document.id));
      setError(result === null ? 'Lorehouse cannot be reached.' : result.ok ? null : result.error.message);
    };
    const timer = setTimeout(() => void find(), TYPING_PAUSE_MS);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [isOpen, search, workspace, document.id, findDocuments]);
  return (
    <Dialog
      isOpen={isOpen}
      onOpenChange={onOpenChange}
      title="Superseded by"
      description={`Choose the document that answers in place of “${document.title}”. Answers that cite this one keep its pages and say that it is superseded.`}
    >
      <div className="relative">
        <Search
          aria-hidden
          className="pointer-events-none absolute left-3 top-1/2 size-4 -translate-y-1/2 text-ink-faint"
        />
        <Input
          type="search"
          aria-label="Search documents"
          placeholder="Search by name or tag"
          value={search}
          maxLength={200}
          className="pl-9"
          onChange={(event) => setSearch(event.target.value)}
        />
      </div>
      {error === null ? null : (
        <Callout tone="danger" className="mt-3">
          {error}
        </Callout>
      )}
      <ul aria-label="Documents found" className="mt-3 flex flex-col gap-1">
        {found.map((candidate) => (
          <li key={candidate.id}>
            <button
              type="button"
              disabled={candidate.currentVersionId === null}
              className="block w-full rounded-md px-3 py-2 text-left hover:bg-sunken disabled:opacity-55"
              onClick={() => void onChoose(candidate.id).then(setError)}
            >
              <span className="block truncate text-sm font-medium">{candidate.title}</span>
              <span className="block truncate text-[0.8125rem] text-ink-faint">
                {candidate.currentVersionId === null ? 'Not indexed yet · ' : ''}
                {candidate.fileName}
              </span>
            </button>
          </li>
        ))}
        {found.length === 0 ? <li className="px-3 py-2 text-sm text-ink-soft">No other document found.</li> : null}
      </ul>
    </Dialog>
  );
}
