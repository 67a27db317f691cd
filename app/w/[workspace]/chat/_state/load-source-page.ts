import { z } from 'zod';
import type { Source } from '#lib/domain/chat.ts';

/** The page of a document that a source points to. */
const sourcePageSchema = z.object({
  mediaType: z.string(),
  pageCount: z.number(),
  text: z.string(),
});
export type SourcePage = z.infer<typeof sourcePageSchema>;

type Place = Pick<Source, 'documentId' | 'versionId' | 'pageNumber'>;

const versionAddress = (slug: string, { documentId, versionId }: Place) =>
  `/api/w/${slug}/documents/${documentId}/versions/${versionId}`;

/** Address of the file as it was uploaded. */
export const originalAddress = (slug: string, place: Place) => `${versionAddress(slug, place)}/file`;

/** @throws Error with a message for people */
export async function loadSourcePage(slug: string, place: Place, signal: AbortSignal): Promise<SourcePage> {
  const response = await fetch(`${versionAddress(slug, place)}/pages/${place.pageNumber}`, { signal });
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) {
    const error = z.object({ error: z.object({ message: z.string() }) }).safeParse(body);
    throw new Error(error.success ? error.data.error.message : `The server answered with status ${response.status}.`);
  }
  return sourcePageSchema.parse(body);
}
