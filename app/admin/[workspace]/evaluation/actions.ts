'use server';

import { z } from 'zod';
import { defineWorkspaceAction } from '#app/_server/action.ts';
import { authorize } from '#lib/auth/authorize.ts';
import { createCaseFromMessage, createCasesFromMarks } from '#lib/evaluation/collect-cases.ts';
import {
  cancelDrafts as cancelDrafting,
  discardDrafts as discard,
  editDraft as edit,
  forecastDrafts as forecast,
  resumeDrafts as resumeDrafting,
  reviewDrafts as review,
  startDrafts as startDrafting,
  takeInDrafts as takeIn,
} from '#lib/evaluation/draft-cases.ts';
import { draftSettingsSchema, MAX_DRAFTS } from '#lib/evaluation/draft-set.ts';
import { gatePolicySchema } from '#lib/evaluation/gate-policy.ts';
import { judgeLabels as judge, rubricSchema } from '#lib/evaluation/judge-labels.ts';
import { changePolicy } from '#lib/evaluation/policies.ts';
import { decideEvaluation } from '#lib/evaluation/run-evaluation.ts';
import { runSettingsSchema } from '#lib/evaluation/run-settings.ts';
import { takeInShippedSuites as takeInShipped } from '#lib/evaluation/shipped-suites.ts';
import {
  cancelEvaluation as askToStop,
  resumeEvaluation as goOn,
  startEvaluation as start,
} from '#lib/evaluation/start-evaluation.ts';
import { MAX_SUITE_CASES } from '#lib/evaluation/suite-file.ts';
import {
  archiveSuite as archive,
  createSuite as create,
  restoreRevision as restore,
  reviseSuite as revise,
} from '#lib/evaluation/suites.ts';
import { testCaseSchema } from '#lib/evaluation/test-case.ts';

const workspace = z.string().min(1).max(64);
const note = z.string().max(500);
const revisionNumber = z.number().int().min(1);

/** The page holds a case more loosely than the schema, which alone says what is one. */
const draftedCase = z.preprocess((draft: unknown) => draft, testCaseSchema);

/** A suite begins with one case: a suite without any does not exist. */
export const createSuite = defineWorkspaceAction({
  name: 'suite.create',
  permission: 'evaluation.write',
  input: z.object({ workspace, name: z.string().max(120), description: z.string().max(2000), testCase: draftedCase }),
  handler: async ({ deps, authorized, input: { name, description, testCase } }) =>
    create(deps, authorized, { name, description, cases: [testCase], note: 'First case' }),
});

/** All changes of an editing session as one revision; what is not named stays as it is. */
export const reviseSuite = defineWorkspaceAction({
  name: 'suite.revise',
  permission: 'evaluation.write',
  input: z.object({
    workspace,
    suiteId: z.uuid(),
    basedOn: revisionNumber,
    note,
    /** In the place of the case with the same key, or at the end. */
    changed: z.array(draftedCase).max(MAX_SUITE_CASES),
    removed: z.array(z.string().max(120)).max(MAX_SUITE_CASES),
  }),
  handler: async ({ deps, authorized, input: { suiteId, basedOn, changed, removed, note: why } }) =>
    revise(deps, authorized, {
      suiteId,
      basedOn,
      note: why,
      edit: (cases) => {
        const byKey = new Map(changed.map((testCase) => [testCase.key, testCase]));
        const known = new Set(cases.map(({ key }) => key));
        return [
          ...cases.filter(({ key }) => !removed.includes(key)).map((testCase) => byKey.get(testCase.key) ?? testCase),
          ...changed.filter(({ key }) => !known.has(key)),
        ];
      },
    }),
});

export const restoreRevision = defineWorkspaceAction({
  name: 'suite.restore',
  permission: 'evaluation.write',
  input: z.object({ workspace, suiteId: z.uuid(), basedOn: revisionNumber, number: revisionNumber }),
  handler: async ({ deps, authorized, input }) => restore(deps, authorized, input),
});

export const archiveSuite = defineWorkspaceAction({
  name: 'suite.archive',
  permission: 'evaluation.write',
  input: z.object({ workspace, suiteId: z.uuid() }),
  async handler({ deps, authorized, input: { suiteId } }) {
    await archive(deps, authorized, suiteId);
    return null;
  },
});

export const takeInShippedSuites = defineWorkspaceAction({
  name: 'suite.take-in-shipped',
  permission: 'evaluation.write',
  input: z.object({ workspace, names: z.array(z.string().max(120)).min(1, 'Choose at least one suite.').max(100) }),
  handler: async ({ deps, authorized, input: { names } }) => takeInShipped(deps, authorized, names),
});

export const makeCasesFromMarks = defineWorkspaceAction({
  name: 'suite.take-in-marks',
  permission: 'evaluation.write',
  input: z.object({ workspace }),
  handler: async ({ deps, authorized }) => createCasesFromMarks(deps, authorized),
});

/** From an answer of the person's own conversations. */
export const makeCaseFromMessage = defineWorkspaceAction({
  name: 'suite.take-in-message',
  permission: 'evaluation.write',
  input: z.object({
    workspace,
    messageId: z.uuid(),
    comment: z.string().max(4000),
    correction: z.string().max(4000),
    isUnanswerable: z.boolean(),
  }),
  async handler({ deps, actor, authorized, input }) {
    const chat = await authorize(deps.people, actor, authorized.workspaceId, 'chat.use');
    return createCaseFromMessage(deps, { write: authorized, chat }, input);
  },
});

export const forecastDrafts = defineWorkspaceAction({
  name: 'suite.forecast-drafts',
  permission: 'evaluation.write',
  input: z.object({ workspace, settings: draftSettingsSchema }),
  handler: async ({ deps, authorized, input: { settings } }) => forecast(deps, authorized, settings),
});

export const startDrafts = defineWorkspaceAction({
  name: 'suite.draft',
  permission: 'evaluation.write',
  input: z.object({
    workspace,
    suite: z.union([z.object({ id: z.uuid() }), z.object({ name: z.string().max(120) })]),
    settings: draftSettingsSchema,
  }),
  handler: async ({ deps, authorized, input: { suite, settings } }) =>
    startDrafting(deps, authorized, { suite, settings }),
});

export const cancelDrafts = defineWorkspaceAction({
  name: 'suite.draft-cancel',
  permission: 'evaluation.write',
  input: z.object({ workspace, draftSetId: z.uuid() }),
  async handler({ deps, authorized, input: { draftSetId } }) {
    await cancelDrafting(deps, authorized, draftSetId);
    return null;
  },
});

export const resumeDrafts = defineWorkspaceAction({
  name: 'suite.draft-resume',
  permission: 'evaluation.write',
  input: z.object({ workspace, draftSetId: z.uuid() }),
  async handler({ deps, authorized, input: { draftSetId } }) {
    await resumeDrafting(deps, authorized, draftSetId);
    return null;
  },
});

export const reviewDrafts = defineWorkspaceAction({
  name: 'suite.draft-review',
  permission: 'evaluation.write',
  input: z.object({
    workspace,
    draftSetId: z.uuid(),
    draftIds: z.array(z.uuid()).min(1).max(MAX_DRAFTS),
    state: z.enum(['open', 'accepted', 'dropped']),
  }),
  async handler({ deps, authorized, input }) {
    await review(deps, authorized, input);
    return null;
  },
});

/** What a person has edited is accepted. */
export const editDraft = defineWorkspaceAction({
  name: 'suite.draft-edit',
  permission: 'evaluation.write',
  input: z.object({ workspace, draftSetId: z.uuid(), draftId: z.uuid(), testCase: draftedCase }),
  async handler({ deps, authorized, input }) {
    await edit(deps, authorized, input);
    return null;
  },
});

export const takeInDrafts = defineWorkspaceAction({
  name: 'suite.draft-take-in',
  permission: 'evaluation.write',
  input: z.object({ workspace, draftSetId: z.uuid(), suiteName: z.string().max(120) }),
  handler: async ({ deps, authorized, input: { draftSetId, suiteName } }) =>
    takeIn(deps, authorized, { draftSetId, suiteName }),
});

export const discardDrafts = defineWorkspaceAction({
  name: 'suite.draft-discard',
  permission: 'evaluation.write',
  input: z.object({ workspace, draftSetId: z.uuid() }),
  async handler({ deps, authorized, input: { draftSetId } }) {
    await discard(deps, authorized, draftSetId);
    return null;
  },
});

/** What the judge of a rubric says of labelled answers, before any run rests on it. */
export const judgeLabels = defineWorkspaceAction({
  name: 'rubric.judge-labels',
  permission: 'evaluation.run',
  input: z.object({ workspace, rubric: z.preprocess((draft: unknown) => draft, rubricSchema) }),
  handler: async ({ deps, authorized, input: { rubric } }) => judge(deps, authorized, rubric),
});

export const startEvaluation = defineWorkspaceAction({
  name: 'evaluation.start',
  permission: 'evaluation.run',
  input: z.object({
    workspace,
    /** Null: the base. */
    versionId: z.uuid().nullable(),
    suiteIds: z.array(z.uuid()).min(1, 'Choose at least one suite.').max(100),
    settings: runSettingsSchema,
  }),
  handler: async ({ deps, authorized, input: { versionId, suiteIds, settings } }) =>
    start(deps, authorized, { versionId, suiteIds, settings }),
});

export const cancelEvaluation = defineWorkspaceAction({
  name: 'evaluation.cancel',
  permission: 'evaluation.run',
  input: z.object({ workspace, evaluationId: z.uuid() }),
  async handler({ deps, authorized, input: { evaluationId } }) {
    await askToStop(deps, authorized, evaluationId);
    return null;
  },
});

export const resumeEvaluation = defineWorkspaceAction({
  name: 'evaluation.resume',
  permission: 'evaluation.run',
  input: z.object({ workspace, evaluationId: z.uuid() }),
  async handler({ deps, authorized, input: { evaluationId } }) {
    await goOn(deps, authorized, evaluationId);
    return null;
  },
});

/** Under the policy of now, on the answers that are there. */
export const decideAgain = defineWorkspaceAction({
  name: 'evaluation.decide',
  permission: 'evaluation.run',
  input: z.object({ workspace, evaluationId: z.uuid() }),
  handler: async ({ deps, authorized, input: { evaluationId } }) => ({
    verdict: await decideEvaluation(deps, authorized, evaluationId),
  }),
});

export const changeGatePolicy = defineWorkspaceAction({
  name: 'gate.change-policy',
  permission: 'gate.override',
  input: z.object({ workspace, policy: gatePolicySchema, note: z.string().trim().min(10).max(500) }),
  async handler({ deps, authorized, input: { policy, note: why } }) {
    const { number } = await changePolicy(deps, authorized, { policy, note: why });
    return { number };
  },
});
