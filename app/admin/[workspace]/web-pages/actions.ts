'use server';

import { z } from 'zod';
import { defineWorkspaceAction } from '#app/_server/action.ts';
import { addWebPage, refetchWebPage } from '#lib/ingestion/web/add-web-page.ts';

const workspace = z.string().min(1).max(64);

/** Data: the document, and whether it is new, a new version or unchanged. Takes as long as the page does, at most 20 s. */
export const fetchWebPage = defineWorkspaceAction({
  name: 'document.fetch',
  permission: 'document.write',
  input: z.object({ workspace, address: z.string().trim().min(1, 'Enter an address.').max(2048) }),
  handler: async ({ deps, authorized, input: { address } }) => addWebPage(deps, authorized, { address }),
});

export const fetchWebPageAgain = defineWorkspaceAction({
  name: 'document.fetch-again',
  permission: 'document.write',
  input: z.object({ workspace, documentId: z.uuid() }),
  handler: async ({ deps, authorized, input: { documentId } }) => refetchWebPage(deps, authorized, { documentId }),
});
