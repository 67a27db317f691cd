import Link from 'next/link';
import { Callout } from '#app/_components/ui/callout.tsx';
import type { DocumentView } from '#lib/ingestion/read-documents.ts';

/** Says that another document answers in place of this one; nothing where it answers for itself. */
export function SupersededNote({
  document,
  hrefOf,
}: {
  readonly document: Pick<DocumentView, 'supersededBy'>;
  readonly hrefOf: (documentId: string) => string;
}) {
  if (document.supersededBy === null) return null;
  return (
    <Callout tone="warn" className="mb-5">
      This document is in no answer any more: it is superseded by{' '}
      <Link href={hrefOf(document.supersededBy.id)} className="rounded-sm underline underline-offset-4">
        {document.supersededBy.title}
      </Link>
      . Answers that cite it keep its pages.
    </Callout>
  );
}
