'use server';

import { z } from 'zod';
import { defineWorkspaceAction } from '#app/_server/action.ts';
import {
  renameAdapter as changeName,
  writeVersionNotes as changeNotes,
  deleteVersion as removeVersion,
} from '#lib/registry/manage-versions.ts';
import { mergeTypes, startMerge } from '#lib/registry/merged-models.ts';
import { recordVote, voteSchema } from '#lib/registry/playground.ts';
import { overrideChampion, promoteChampion, rollBackChampion } from '#lib/registry/promote.ts';
import { createPreWarm } from '#lib/registry/serving-version.ts';
import { blendSchema, startBlend } from '#lib/registry/start-blend.ts';

const workspace = z.string().min(1).max(64);

/** Let a version serve that the gate has passed. */
export const promoteServing = defineWorkspaceAction({
  name: 'champion.promote',
  permission: 'adapter.promote',
  input: z.object({ workspace, versionId: z.uuid(), reason: z.string().max(2000) }),
  handler: async ({ deps, authorized, input: { versionId, reason } }) => {
    const { event } = await promoteChampion({ db: deps.db, preWarm: createPreWarm(deps.runtime) }, authorized, {
      versionId,
      reason,
    });
    return { eventId: event.id };
  },
});

/** Let a version serve without a passing evaluation. */
export const overrideServing = defineWorkspaceAction({
  name: 'champion.override',
  permission: 'gate.override',
  input: z.object({ workspace, versionId: z.uuid(), reason: z.string().max(2000) }),
  handler: async ({ deps, authorized, input: { versionId, reason } }) => {
    const { event } = await overrideChampion({ db: deps.db, preWarm: createPreWarm(deps.runtime) }, authorized, {
      versionId,
      reason,
    });
    return { eventId: event.id };
  },
});

/** `versionId` null: the base alone. */
export const rollBackServing = defineWorkspaceAction({
  name: 'champion.roll-back',
  permission: 'adapter.promote',
  input: z.object({ workspace, versionId: z.uuid().nullable(), reason: z.string().max(2000) }),
  handler: async ({ deps, authorized, input: { versionId, reason } }) => {
    const { event } = await rollBackChampion({ db: deps.db, preWarm: createPreWarm(deps.runtime) }, authorized, {
      versionId,
      reason,
    });
    return { eventId: event.id };
  },
});

export const renameAdapter = defineWorkspaceAction({
  name: 'adapter.rename',
  permission: 'adapter.write',
  input: z.object({ workspace, adapterId: z.uuid(), name: z.string().max(200) }),
  handler: async ({ deps, authorized, input }) => changeName(deps, authorized, input),
});

export const writeVersionNotes = defineWorkspaceAction({
  name: 'adapter.write-notes',
  permission: 'adapter.write',
  input: z.object({ workspace, versionId: z.uuid(), notes: z.string().max(20_000) }),
  handler: async ({ deps, authorized, input }) => changeNotes(deps, authorized, input),
});

export const deleteVersion = defineWorkspaceAction({
  name: 'adapter.delete-version',
  permission: 'adapter.write',
  input: z.object({ workspace, versionId: z.uuid() }),
  handler: async ({ deps, authorized, input: { versionId } }) => removeVersion(deps, authorized, versionId),
});

export const blendVersions = defineWorkspaceAction({
  name: 'adapter.blend',
  permission: 'adapter.write',
  input: blendSchema.extend({ workspace }),
  handler: async ({ deps, authorized, input }) => startBlend(deps, authorized, blendSchema.parse(input)),
});

export const mergeVersion = defineWorkspaceAction({
  name: 'adapter.merge',
  permission: 'adapter.write',
  input: z.object({ workspace, versionId: z.uuid(), type: z.enum(mergeTypes) }),
  handler: async ({ deps, authorized, input: { versionId, type } }) =>
    startMerge(deps, authorized, { versionId, type }),
});

export const voteInPlayground = defineWorkspaceAction({
  name: 'playground.vote',
  permission: 'adapter.read',
  input: voteSchema.extend({ workspace }),
  handler: async ({ deps, authorized, input }) => recordVote(deps, authorized, input),
});
