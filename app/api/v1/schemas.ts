import { z } from 'zod';
import { adapterOrigins } from '#lib/domain/adapter.ts';
import { verdicts } from '#lib/evaluation/decide-gate.ts';
import type { EvaluationOutcome } from '#lib/evaluation/read-evaluation.ts';

/** What the gate's part of the public API takes and answers. The routes and the description are made from these. */

export const adapterListSchema = z.object({
  adapters: z.array(
    z.object({
      id: z.uuid(),
      name: z.string(),
      versions: z
        .array(
          z.object({
            id: z.uuid(),
            number: z.number().int(),
            sha256: z.string().describe('Of the artifact: what a pipeline best names a version by.'),
            origin: z.enum(adapterOrigins),
            createdAt: z.iso.datetime(),
            isServing: z.boolean(),
          }),
        )
        .describe('Newest first.'),
    }),
  ),
});
export type ApiAdapterList = z.infer<typeof adapterListSchema>;

export const promotionRequestSchema = z.object({
  reason: z.string().max(2000).describe('Why it may serve, for the history; 10 characters at least.'),
});

export const promotionSchema = z.object({
  eventId: z.uuid(),
  decisionId: z.uuid().nullable().describe('The decision of the gate that allowed it.'),
});
export type ApiPromotion = z.infer<typeof promotionSchema>;

export const suiteListSchema = z.object({
  suites: z.array(
    z.object({
      id: z.uuid(),
      name: z.string(),
      description: z.string(),
      revisionId: z.uuid(),
      revisionNumber: z.number().int(),
      caseCount: z.number().int(),
      updatedAt: z.iso.datetime(),
    }),
  ),
});
export type ApiSuiteList = z.infer<typeof suiteListSchema>;

export const importedSuiteSchema = z.object({
  suiteId: z.uuid(),
  revisionId: z.uuid(),
  revisionNumber: z.number().int(),
  isChanged: z.boolean().describe('False: these were the current cases already.'),
  name: z.string(),
  caseCount: z.number().int(),
  problems: z.array(z.string()).describe('Cases that were left out, each with its place and reason.'),
});
export type ApiImportedSuite = z.infer<typeof importedSuiteSchema>;

export const startedEvaluationSchema = z.object({ evaluationId: z.uuid(), runId: z.uuid() });

const sideSchema = z.object({
  versionId: z.uuid().nullable().describe('Null: the base alone.'),
  sha256: z.string().nullable(),
  name: z.string(),
});

const shareSchema = z.number().nullable().describe('Of the cases that pass, 0 to 1; null: of none.');

export const evaluationSchema = z.object({
  id: z.uuid(),
  state: z.enum(['queued', 'running', 'succeeded', 'failed', 'cancelled']),
  progress: z.object({ done: z.number().int(), total: z.number().int().describe('0: not known yet.') }),
  error: z.string().nullable(),
  champion: sideSchema.describe('What served when the evaluation was asked for.'),
  challenger: sideSchema,
  verdict: z.enum(verdicts).nullable().describe('Null: nothing is decided, or there is nothing to decide.'),
  expiresAt: z.iso.datetime().nullable().describe('Until when a pass allows a promotion.'),
  reasons: z.array(
    z.object({ kind: z.enum(['blocks', 'undecided', 'fine']), metric: z.string().nullable(), text: z.string() }),
  ),
  metrics: z.array(
    z.object({
      metric: z.string(),
      cases: z.number().int(),
      champion: shareSchema,
      challenger: shareSchema,
      fixed: z.number().int(),
      regressed: z.number().int(),
    }),
  ),
  moreCases: z.number().nullable().describe('Of an inconclusive one: how many more would likely decide.'),
  createdAt: z.iso.datetime(),
  finishedAt: z.iso.datetime().nullable(),
});
export type ApiEvaluation = z.infer<typeof evaluationSchema>;

const orNull = (share: number) => (Number.isFinite(share) ? share : null);

export function describeEvaluation({ summary, verdict }: EvaluationOutcome): ApiEvaluation {
  return {
    id: summary.id,
    state: summary.state,
    progress: { done: summary.progressDone, total: summary.progressTotal },
    error: summary.error,
    champion: summary.champion,
    challenger: summary.challenger,
    verdict: summary.verdict,
    expiresAt: summary.expiresAt?.toISOString() ?? null,
    reasons: [...(verdict?.reasons ?? [])],
    metrics: (verdict?.metrics ?? []).map(({ metric, cases, champion, challenger, fixed, regressed }) => ({
      metric,
      cases,
      champion: orNull(champion),
      challenger: orNull(challenger),
      fixed,
      regressed,
    })),
    moreCases: verdict?.moreCases ?? null,
    createdAt: summary.createdAt.toISOString(),
    finishedAt: summary.finishedAt?.toISOString() ?? null,
  };
}
