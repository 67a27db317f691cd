import { findDocument } from '#db/repositories/documents.ts';
import { type Authorized, findUserId } from '#lib/domain/access.ts';
import { AppError, notFound } from '#lib/domain/errors.ts';
import { type AddDocumentDeps, type AddedDocument, enterDocument, requireDocument } from '../add-document.ts';
import { detectMediaType } from '../media-type.ts';
import { type FetchOptions, fetchPage } from './fetch-page.ts';

export interface WebPageInput {
  /** As someone copied it. */
  readonly address: string;
  /** Limits, and what a test puts in the place of the internet. */
  readonly fetch?: FetchOptions;
}

/**
 * Fetch a web page and take it in as a document that keeps its address. The address that is there already gets a new version
 * when the bytes have changed, and nothing when they have not.
 * @throws AppError as `fetchPage` and `addDocument`
 */
export async function addWebPage(
  deps: AddDocumentDeps,
  access: Authorized<'document.write'>,
  { address, fetch = {} }: WebPageInput,
): Promise<AddedDocument> {
  const { bytes, fileName, title, sourceUrl, fetchedUrl, fetchedAt } = await fetchPage(address, fetch);
  const blob = await deps.blobs.put(streamOnce(bytes), { maxBytes: bytes.byteLength });
  const mediaType = requireDocument(await detectMediaType(deps.blobs.locate(blob.sha256), fileName));
  return enterDocument(deps, access, {
    fileName,
    blob,
    mediaType,
    createdBy: findUserId(access),
    origin: { title: title ?? fileName, sourceUrl, fetchedUrl, fetchedAt },
  });
}

/**
 * Fetch a document's address again.
 * @throws AppError `document.not-found`, `document.no-address` for an uploaded file, and as {@link addWebPage}
 */
export async function refetchWebPage(
  deps: AddDocumentDeps,
  access: Authorized<'document.write'>,
  { documentId, fetch = {} }: { readonly documentId: string; readonly fetch?: FetchOptions },
): Promise<AddedDocument> {
  const found = await findDocument(deps.db, access, documentId);
  if (!found) throw notFound('document');
  const address = found.document.sourceUrl;
  if (address === null) {
    throw new AppError({
      code: 'document.no-address',
      message: 'expected a document that was fetched from an address, got an uploaded file',
      userMessage: 'This document was uploaded. Upload the new version of the file.',
    });
  }
  return addWebPage(deps, access, { address, fetch });
}

async function* streamOnce(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
