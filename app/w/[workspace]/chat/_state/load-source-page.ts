import type { Source } from '#lib/domain/chat.ts';

/** The page of a document that a source points to. */
export interface SourcePage {
  readonly mediaType: string;
  readonly pageCount: number | null;
  readonly text: string;
}

type Place = Pick<Source, 'documentId' | 'versionId' | 'pageNumber'>;

const versionAddress = (slug: string, { documentId, versionId }: Omit<Place, 'pageNumber'>) =>
  `/api/w/${slug}/documents/${documentId}/versions/${versionId}`;

/** Address of the file as it was uploaded. */
export const originalAddress = (slug: string, place: Omit<Place, 'pageNumber'>) =>
  `${versionAddress(slug, place)}/file`;

function readMessage(body: unknown): string | null {
  if (typeof body !== 'object' || body === null || !('error' in body)) return null;
  const { error } = body;
  return typeof error === 'object' && error !== null && 'message' in error && typeof error.message === 'string'
    ? error.message
    : null;
}

function isSourcePage(body: unknown): body is SourcePage {
  return (
    typeof body === 'object' &&
    body !== null &&
    'mediaType' in body &&
    typeof body.mediaType === 'string' &&
    'text' in body &&
    typeof body.text === 'string' &&
    'pageCount' in body &&
    (body.pageCount === null || typeof body.pageCount === 'number')
  );
}

/** @throws Error with a message for people */
export async function loadSourcePage(slug: string, place: Place, signal: AbortSignal): Promise<SourcePage> {
  const response = await fetch(`${versionAddress(slug, place)}/pages/${place.pageNumber}`, { signal });
  const body: unknown = await response.json().catch(() => null);
  if (response.ok && isSourcePage(body)) return body;
  throw new Error(readMessage(body) ?? `The server answered with status ${response.status}.`);
}
