import Link from 'next/link';
import type { CaseSource } from '#lib/evaluation/test-case.ts';

/** The words of a document that a case was written from. The link is left out where the document is gone. */
export function CaseSourceNote({
  workspace,
  source,
  isLinked,
}: {
  readonly workspace: string;
  readonly source: CaseSource;
  readonly isLinked: boolean;
}) {
  const { documentId, versionId, title, page, quote } = source;
  const place = `${title}, page ${page}`;
  return (
    <figure className="mt-1.5 border-l-2 border-line-strong pl-2.5 text-[0.8125rem] leading-snug">
      <blockquote className="font-serif text-ink-soft [overflow-wrap:anywhere]">{quote}</blockquote>
      <figcaption className="mt-0.5 text-xs text-ink-faint">
        {isLinked ? (
          <Link
            href={`/w/${workspace}/sources/${documentId}?page=${page}&version=${versionId}`}
            className="text-accent-text underline underline-offset-2"
          >
            {place}
          </Link>
        ) : (
          `${place}, which is no longer here`
        )}
      </figcaption>
    </figure>
  );
}
