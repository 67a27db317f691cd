'use server';

import { z } from 'zod';
import { defineWorkspaceAction } from '#app/_server/action.ts';
import { authorize } from '#lib/auth/authorize.ts';
import { startFreeze } from '#lib/training/data-set/freeze-version.ts';
import {
  applyStyleToWorkspace,
  createDataSet as create,
  setConsent as decideConsent,
  estimateManualRows as estimate,
  saveStyleSheet as keepStyleSheet,
  takeInConversations as queueConversations,
  writeManualRows as queueManuals,
  takeInStyle as queueStyle,
  deleteDataSet as remove,
} from '#lib/training/data-set/manage-data-sets.ts';
import {
  reviewRows as judge,
  reviewActions,
  editRow as saveRow,
  undoReview as takeBack,
} from '#lib/training/data-set/review-rows.ts';
import { styleSheetSchema } from '#lib/training/data-set/style-sheet.ts';

const workspace = z.string().min(1).max(64);
const dataSet = { workspace, dataSetId: z.uuid() };

export const createDataSet = defineWorkspaceAction({
  name: 'dataset.create',
  permission: 'dataset.write',
  input: z.object({
    workspace,
    name: z.string().trim().min(1, 'give it a name').max(80),
    language: z.union([z.literal(''), z.string().regex(/^[a-z]{2}$/, 'use a code of two letters, e.g. en')]),
    maxRowTokens: z.coerce.number().int().min(32).max(32_768),
  }),
  handler: async ({ deps, authorized, input }) => create(deps, authorized, input),
});

export const deleteDataSet = defineWorkspaceAction({
  name: 'dataset.delete',
  permission: 'dataset.write',
  input: z.object(dataSet),
  handler: async ({ deps, authorized, input: { dataSetId } }) => remove(deps, authorized, dataSetId),
});

/** Data: the run that reads them. */
export const takeInConversations = defineWorkspaceAction({
  name: 'dataset.take-in-conversations',
  permission: 'dataset.write',
  input: z.object(dataSet),
  handler: async ({ deps, authorized, input }) => queueConversations(deps, authorized, input),
});

const manuals = z.object({
  ...dataSet,
  documentIds: z.array(z.uuid()).max(1000),
  maxRows: z.coerce.number().int().min(1).max(5000),
  refusalShare: z.coerce.number().min(0).max(1),
});

export const estimateManualRows = defineWorkspaceAction({
  name: 'dataset.estimate-manuals',
  permission: 'dataset.write',
  input: manuals,
  handler: async ({ deps, authorized, input }) => estimate(deps, authorized, input),
});

export const writeManualRows = defineWorkspaceAction({
  name: 'dataset.write-manuals',
  permission: 'dataset.write',
  input: manuals,
  handler: async ({ deps, authorized, input }) => queueManuals(deps, authorized, input),
});

export const saveStyleSheet = defineWorkspaceAction({
  name: 'dataset.save-style',
  permission: 'dataset.write',
  input: z.object({ ...dataSet, styleSheet: styleSheetSchema }),
  handler: async ({ deps, authorized, input }) => keepStyleSheet(deps, authorized, input),
});

export const takeInStyle = defineWorkspaceAction({
  name: 'dataset.take-in-style',
  permission: 'dataset.write',
  input: z.object(dataSet),
  handler: async ({ deps, authorized, input }) => queueStyle(deps, authorized, input),
});

/** Data: the workspace's instructions afterwards. */
export const applyStyle = defineWorkspaceAction({
  name: 'dataset.apply-style',
  permission: 'workspace.configure',
  input: z.object(dataSet),
  async handler({ deps, actor, authorized, input: { dataSetId } }) {
    const data = await authorize(deps.people, actor, authorized.workspaceId, 'dataset.write');
    return applyStyleToWorkspace(deps, { data, workspace: authorized }, dataSetId);
  },
});

export const setConsent = defineWorkspaceAction({
  name: 'workspace.set-consent',
  permission: 'workspace.configure',
  input: z.object({ workspace, isOn: z.boolean() }),
  handler: async ({ deps, authorized, input: { isOn } }) => decideConsent(deps, authorized, isOn),
});

const filter = z.object({
  state: z.enum(['accepted', 'flagged', 'quarantined', 'rejected']).optional(),
  reason: z.string().max(40).optional(),
  intent: z.string().max(200).optional(),
  importId: z.uuid().optional(),
  search: z.string().max(200).optional(),
});

/** Data: how many rows changed. */
export const reviewRows = defineWorkspaceAction({
  name: 'dataset.review',
  permission: 'dataset.write',
  input: z.object({
    ...dataSet,
    action: z.enum(reviewActions),
    target: z.union([z.strictObject({ rowIds: z.array(z.uuid()).min(1).max(500) }), z.strictObject({ filter })]),
  }),
  handler: async ({ deps, authorized, input }) => judge(deps, authorized, input),
});

export const editRow = defineWorkspaceAction({
  name: 'dataset.edit-row',
  permission: 'dataset.write',
  input: z.object({
    ...dataSet,
    rowId: z.uuid(),
    messages: z
      .array(z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string().max(100_000) }))
      .min(1)
      .max(200),
  }),
  handler: async ({ deps, authorized, input }) => saveRow(deps, authorized, input),
});

/** Data: what was taken back. */
export const undoReview = defineWorkspaceAction({
  name: 'dataset.undo',
  permission: 'dataset.write',
  input: z.object(dataSet),
  handler: async ({ deps, authorized, input: { dataSetId } }) => takeBack(deps, authorized, dataSetId),
});

/** Data: the run that makes the version. */
export const freezeDataSet = defineWorkspaceAction({
  name: 'dataset.freeze',
  permission: 'dataset.write',
  input: z.object({ ...dataSet, notes: z.string().trim().max(500) }),
  handler: async ({ deps, authorized, input }) => startFreeze(deps, authorized, input),
});
