'use server';

import { z } from 'zod';
import { defineWorkspaceAction } from '#app/_server/action.ts';
import { startRetrievalEvaluation } from '#lib/retrieval/evaluate-golden-set.ts';
import {
  applySupportThreshold as apply,
  markPassage as mark,
  markUnanswerable as markAsUnanswerable,
  removeGoldenQuestion as remove,
} from '#lib/retrieval/golden-set.ts';

const workspace = z.string().min(1).max(64);
const question = z.string().trim().min(1).max(500, 'Use at most 500 characters.');

export const markPassage = defineWorkspaceAction({
  name: 'golden-passage.mark',
  permission: 'evaluation.write',
  input: z.object({ workspace, question, chunkId: z.uuid(), isWanted: z.boolean() }),
  async handler({ deps, authorized, input }) {
    await mark(deps, authorized, input);
    return null;
  },
});

export const markUnanswerable = defineWorkspaceAction({
  name: 'golden-question.mark-unanswerable',
  permission: 'evaluation.write',
  input: z.object({ workspace, question }),
  async handler({ deps, authorized, input }) {
    await markAsUnanswerable(deps, authorized, input.question);
    return null;
  },
});

export const removeGoldenQuestion = defineWorkspaceAction({
  name: 'golden-question.remove',
  permission: 'evaluation.write',
  input: z.object({ workspace, questionId: z.uuid() }),
  async handler({ deps, authorized, input }) {
    await remove(deps, authorized, input.questionId);
    return null;
  },
});

/** Data: the run. */
export const measureRetrieval = defineWorkspaceAction({
  name: 'retrieval.evaluate',
  permission: 'evaluation.run',
  input: z.object({ workspace }),
  handler: async ({ deps, authorized }) => startRetrievalEvaluation(deps, authorized),
});

export const applySupportThreshold = defineWorkspaceAction({
  name: 'answer-config.set-threshold',
  permission: 'workspace.configure',
  input: z.object({ workspace, threshold: z.number().min(0).max(1) }),
  handler: async ({ deps, authorized, input }) => apply(deps, authorized, input.threshold),
});
