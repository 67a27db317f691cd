import { z } from 'zod';

/**
 * Groups that a list of documents is cut into; every document that is not deleted is in one of them. `moving`: queued or being
 * indexed, also while an older version answers. `superseded`: another document answers in its place, whatever its own run does.
 */
export const documentGroups = ['moving', 'ready', 'failed', 'cancelled', 'superseded'] as const;
export type DocumentGroup = (typeof documentGroups)[number];

export const documentOrders = ['added', 'changed', 'name', 'size'] as const;
export type DocumentOrder = (typeof documentOrders)[number];

export const documentFilterSchema = z.object({
  /** Words that all stand in the title, the file's name or a tag; in any order and case. Empty: every document. */
  search: z.string().max(200),
  group: z.enum(documentGroups).nullable(),
  tag: z.string().max(200).nullable(),
  mediaType: z.string().max(200).nullable(),
});
export type DocumentFilter = z.infer<typeof documentFilterSchema>;

export interface DocumentPageQuery extends DocumentFilter {
  readonly order: DocumentOrder;
  readonly isDescending: boolean;
  readonly offset: number;
  readonly limit: number;
}
