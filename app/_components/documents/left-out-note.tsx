import { Callout } from '#app/_components/ui/callout.tsx';
import type { DocumentVersionView } from '#lib/ingestion/read-documents.ts';
import { describePages } from './describe-pages.ts';

/** Says what of a document no answer can come from, and what was made out from pictures. Nothing, where all of it was text. */
export function LeftOutNote({
  version: { imagePages, recognisedPages, leftOut, pageCount },
}: {
  readonly version: Pick<DocumentVersionView, 'imagePages' | 'recognisedPages' | 'leftOut' | 'pageCount'>;
}) {
  const count = (pages: readonly number[]) =>
    pageCount === 1 ? 'Its only page' : `${pages.length} of ${pageCount ?? pages.length} pages`;
  return (
    <>
      {recognisedPages.length === 0 ? null : (
        <Callout tone="warn" title="Text was recognised from pictures" className="mb-5">
          {count(recognisedPages)} {recognisedPages.length === 1 ? 'is a picture' : 'are pictures'}, as a scanner makes
          them{pageCount === 1 ? '' : `: ${describePages(recognisedPages)}`}. Text was recognised (OCR) and may hold
          mistakes; compare numbers and codes with the page.
        </Callout>
      )}
      {imagePages.length === 0 && leftOut.length === 0 ? null : (
        <Callout tone="warn" title="Not all of this document was read" className="mb-5">
          {imagePages.length === 0 ? null : (
            <p>
              {count(imagePages)} {imagePages.length === 1 ? 'is a picture' : 'are pictures'} of which no text was read:{' '}
              {describePages(imagePages)}. Nothing on them is found. If they hold text, run text recognition (OCR) over
              the file and upload the result as a new version.
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
      )}
    </>
  );
}
