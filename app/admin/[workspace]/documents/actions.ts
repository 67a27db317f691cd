'use server';

import { z } from 'zod';
import { defineWorkspaceAction } from '#app/_server/action.ts';
import { documentFilterSchema } from '#lib/domain/document-list.ts';
import { documentPriorities } from '#lib/domain/document-priority.ts';
import {
  cancelSelected,
  deleteSelected,
  supersedeDocument as letSupersede,
  prioritiseSelected,
  retrySelected,
  tagSelected,
} from '#lib/ingestion/manage-documents.ts';
import { dismissArchive as takeOffList } from '#lib/ingestion/read-archives.ts';
import { findDocumentsByName as findByName } from '#lib/ingestion/read-documents.ts';

const workspace = z.string().min(1).max(64);

/** As many as one page of the list can hold; more are named by their filter. */
const documentSelection = z.union([
  z.object({ documentIds: z.array(z.uuid()).min(1).max(500) }),
  z.object({ matching: documentFilterSchema }),
]);

export const deleteDocuments = defineWorkspaceAction({
  name: 'document.delete',
  permission: 'document.write',
  input: z.object({ workspace, selection: documentSelection }),
  handler: async ({ deps, authorized, input }) => deleteSelected(deps, authorized, input.selection),
});

export const retryDocuments = defineWorkspaceAction({
  name: 'document.retry',
  permission: 'document.write',
  input: z.object({ workspace, selection: documentSelection }),
  handler: async ({ deps, authorized, input }) => retrySelected(deps, authorized, input.selection),
});

export const cancelDocuments = defineWorkspaceAction({
  name: 'document.cancel',
  permission: 'document.write',
  input: z.object({ workspace, selection: documentSelection }),
  handler: async ({ deps, authorized, input }) => cancelSelected(deps, authorized, input.selection),
});

const tags = z.array(z.string().max(200)).max(50);

export const tagDocuments = defineWorkspaceAction({
  name: 'document.tag',
  permission: 'document.write',
  input: z.object({ workspace, selection: documentSelection, add: tags, remove: tags }),
  handler: async ({ deps, authorized, input: { selection, add, remove } }) =>
    tagSelected(deps, authorized, selection, { add, remove }),
});

export const prioritiseDocuments = defineWorkspaceAction({
  name: 'document.prioritise',
  permission: 'document.write',
  input: z.object({ workspace, selection: documentSelection, priority: z.enum(documentPriorities) }),
  handler: async ({ deps, authorized, input: { selection, priority } }) =>
    prioritiseSelected(deps, authorized, selection, priority),
});

export const supersedeDocument = defineWorkspaceAction({
  name: 'document.supersede',
  permission: 'document.write',
  input: z.object({ workspace, documentId: z.uuid(), successorId: z.uuid().nullable() }),
  handler: async ({ deps, authorized, input: { documentId, successorId } }) =>
    letSupersede(deps, authorized, documentId, successorId),
});

/** For choosing a successor: a few documents whose names have these words. */
export const findDocuments = defineWorkspaceAction({
  name: 'document.find',
  permission: 'document.read',
  input: z.object({ workspace, search: z.string().max(200) }),
  handler: async ({ deps, authorized, input: { search } }) => findByName(deps, authorized, search),
});

export const dismissArchive = defineWorkspaceAction({
  name: 'archive.dismiss',
  permission: 'document.write',
  input: z.object({ workspace, archiveId: z.uuid() }),
  handler: async ({ deps, authorized, input: { archiveId } }) => takeOffList(deps, authorized, archiveId),
});
