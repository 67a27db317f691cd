import { Pin, TrendingUp } from 'lucide-react';
import Link from 'next/link';
import { Badge } from '#app/_components/ui/badge.tsx';
import { Time } from '#app/_components/ui/time.tsx';
import type { DocumentPriority } from '#lib/domain/document-priority.ts';
import { nameFormat } from '#lib/ingestion/formats.ts';
import type { DocumentView } from '#lib/ingestion/read-documents.ts';
import { formatSize } from './describe-document.ts';

export const priorityNames: Readonly<Record<DocumentPriority, string>> = {
  normal: 'Normal',
  boosted: 'Boosted',
  always: 'Always included',
};

export function PriorityBadge({ priority }: { readonly priority: DocumentPriority }) {
  if (priority === 'normal') return null;
  const Icon = priority === 'always' ? Pin : TrendingUp;
  return (
    <Badge className="bg-transparent px-0 text-brass">
      <Icon aria-hidden />
      {priorityNames[priority]}
    </Badge>
  );
}

const linkStyles = 'rounded-sm underline underline-offset-4 hover:decoration-2';

/** Title, what the file is, tags, and whatever one must know about it. */
export function DocumentFacts({
  document,
  href,
  hrefOf,
  hrefOfTag,
}: {
  readonly document: DocumentView;
  readonly href: string;
  readonly hrefOf: (documentId: string) => string;
  readonly hrefOfTag: (tag: string) => string;
}) {
  const folder = document.fileName.split('/').slice(0, -1).join('/');
  return (
    <div className="min-w-0 flex-1 basis-56">
      <Link
        href={href}
        prefetch={false}
        className="block truncate rounded-sm text-sm font-medium underline-offset-4 hover:underline"
        title={document.fileName}
      >
        {document.title}
      </Link>
      <p className="truncate text-[0.8125rem] text-ink-faint">
        {nameFormat(document.mediaType)}
        {document.pageCount === null ? '' : ` · ${document.pageCount} ${document.pageCount === 1 ? 'page' : 'pages'}`} ·{' '}
        {formatSize(document.sizeBytes)}
        {document.versionOrdinal > 1 ? ` · version ${document.versionOrdinal}` : ''} ·{' '}
        <Time value={document.updatedAt} />
        {folder === '' ? '' : ` · ${folder}`}
      </p>
      {document.tags.length > 0 || document.priority !== 'normal' ? (
        <p className="mt-1 flex flex-wrap items-center gap-1.5">
          <PriorityBadge priority={document.priority} />
          {document.tags.map((tag) => (
            <Link key={tag} href={hrefOfTag(tag)} prefetch={false} className="rounded-full">
              <Badge className="hover:bg-accent-soft hover:text-accent-text">{tag}</Badge>
            </Link>
          ))}
        </p>
      ) : null}
      {document.error === null ? null : (
        <p className="mt-1 text-[0.8125rem] leading-snug text-danger">{document.error.message}</p>
      )}
      {document.currentVersionId !== null && document.state !== 'ready' ? (
        <p className="mt-1 text-[0.8125rem] text-ink-faint">The version before still answers.</p>
      ) : null}
      {document.supersededBy === null ? null : (
        <p className="mt-1 text-[0.8125rem] text-ink-faint">
          In no answer: superseded by{' '}
          <Link href={hrefOf(document.supersededBy.id)} prefetch={false} className={linkStyles}>
            {document.supersededBy.title}
          </Link>
          .
        </p>
      )}
    </div>
  );
}
