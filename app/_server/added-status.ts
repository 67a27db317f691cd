import type { AddedArchive, AddedDocument } from '#lib/ingestion/add-document.ts';

/** What an upload is answered with: nothing new, something new, or a job that will make something of it. */
export const addedStatus: Readonly<Record<AddedDocument['outcome'] | AddedArchive['outcome'], number>> = {
  unchanged: 200,
  created: 201,
  'new-version': 201,
  unpacking: 202,
};
