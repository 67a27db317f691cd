import { z } from 'zod';
import { defineWorkspaceRoute } from '#app/_server/route.ts';
import { deleteDocument } from '#lib/ingestion/delete-document.ts';
import { readDocument } from '#lib/ingestion/read-documents.ts';

const params = z.object({ workspace: z.string(), documentId: z.uuid() });

export const GET = defineWorkspaceRoute({
  path: '/api/w/[workspace]/documents/[documentId]',
  method: 'GET',
  permission: 'document.read',
  params,
  handler: ({ deps, authorized, params: { documentId } }) => readDocument(deps, authorized, documentId),
});

export const DELETE = defineWorkspaceRoute({
  path: '/api/w/[workspace]/documents/[documentId]',
  method: 'DELETE',
  permission: 'document.write',
  params,
  handler: ({ deps, authorized, params: { documentId } }) => deleteDocument(deps, authorized, documentId),
});
