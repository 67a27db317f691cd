'use server';

import { z } from 'zod';
import { defineWorkspaceAction } from '#app/_server/action.ts';
import { openWorkspace } from '#app/_server/workspace-access.ts';
import { forecastTraining as forecast } from '#lib/training/forecast-training.ts';
import { startTraining as start } from '#lib/training/start-training.ts';

const request = {
  workspace: z.string().min(1).max(64),
  dataSetVersionId: z.uuid(),
  /** Checked by the engine's own schema, which names the option that is wrong. */
  config: z.record(z.string(), z.unknown()),
  threads: z.number().int().min(1),
};

/** Data: steps, time and memory of a run with these options, advice, and questions worth asking. Changes nothing. */
export const forecastTraining = defineWorkspaceAction({
  name: 'training.forecast',
  permission: 'dataset.read',
  input: z.object(request),
  handler: async ({ deps, authorized, input }) => forecast({ ...deps, ...deps.training }, authorized, input),
});

/** Data: the id of the training run, which waits in line. */
export const startTraining = defineWorkspaceAction({
  name: 'training.start',
  permission: 'adapter.write',
  input: z.object({
    ...request,
    adapterName: z.string(),
    notes: z.string(),
    questions: z.array(z.string()),
  }),
  async handler({ deps, actor, authorized, input: { workspace, ...input } }) {
    const data = await openWorkspace(deps, actor, workspace, 'dataset.read');
    return start({ ...deps, ...deps.training }, { data, adapters: authorized }, input);
  },
});
