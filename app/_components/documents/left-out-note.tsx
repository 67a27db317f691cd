import { Callout } from '#app/_components/ui/callout.tsx';
import type { DocumentVersionView } from '#lib/ingestion/read-documents.ts';
import { describePages } from './describe-pages.ts';

/** Says what of a document no answer can come from. Nothing, where all of it was read. */
export function LeftOutNote({
  version: { imagePages, leftOut, pageCount },
}: {
  readonly version: Pick<DocumentVersionView, 'imagePages' | 'leftOut' | 'pageCount'>;
}) {
  if (imagePages.length === 0 && leftOut.length === 0) return null;
  const pages = `${imagePages.length} of ${pageCount ?? imagePages.length} pages`;
  return (
    <Callout tone="warn" title="Not all of this document was read" className="mb-5">
      {imagePages.length === 0 ? null : (
        <p>
          {pages} {imagePages.length === 1 ? 'is a picture' : 'are pictures'} without text, as a scanner makes them:{' '}
          {describePages(imagePages)}. Nothing on them is found. Run text recognition (OCR) over the file and upload the
          result as a new version.
        </p>
      )}
      {leftOut.length === 0 ? null : (
        <ul>
          {leftOut.map(({ name, reason }, index) => (
            <li key={`${index} ${name}`} className="[overflow-wrap:anywhere]">
              <span className="font-medium">{name}</span>: {reason}
            </li>
          ))}
        </ul>
      )}
    </Callout>
  );
}
