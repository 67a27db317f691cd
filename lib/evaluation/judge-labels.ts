import type { z } from 'zod';
import type { Authorized } from '#lib/domain/access.ts';
import type { RuntimeClient } from '#lib/runtime/runtime-port.ts';
import { measureAgreement, rubric } from './assertions/rubric.ts';

/** A rubric, by the rules of its assertion. */
export const rubricSchema = rubric.schema;

export interface MeasuredAgreement {
  /** Labelled answers of which judge and people say the same. */
  readonly agreed: number;
  readonly labels: number;
  /** Cohen's κ; null: it cannot be computed. */
  readonly kappa: number | null;
  /** Whether the rubric would count in a run. */
  readonly isEnough: boolean;
}

/**
 * Ask the base what it says of the labelled answers, as every run does before it lets a rubric count. Takes a second or two for each
 * on a small machine, behind whoever chats.
 * @throws AppError of the runtime
 */
export async function judgeLabels(
  deps: { readonly runtime: Pick<RuntimeClient, 'scoreContinuation'> },
  _access: Authorized<'evaluation.run'>,
  spec: z.infer<typeof rubricSchema>,
): Promise<MeasuredAgreement> {
  const { agreed, kappa } = await measureAgreement(
    async (model, prefix, continuation) =>
      (await deps.runtime.scoreContinuation({ model, prefix, continuation }, { priority: 'evaluation' })).tokenLogprobs,
    spec.criterion,
    spec.labels,
  );
  return {
    agreed,
    labels: spec.labels.length,
    kappa: Number.isFinite(kappa) ? kappa : null,
    isEnough: kappa >= spec.minAgreement,
  };
}
