import { z } from 'zod';
import { defineKeyRoute } from '#app/_server/route.ts';
import { readDocument } from '#lib/ingestion/read-documents.ts';

export const GET = defineKeyRoute({
  path: '/api/v1/documents/[documentId]',
  method: 'GET',
  permission: 'document.read',
  params: z.object({ documentId: z.uuid() }),
  handler: ({ authorized, deps, params }) => readDocument(deps, authorized, params.documentId),
});
