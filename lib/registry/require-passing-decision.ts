import type { DecisionStanding, StoredDecision } from '#db/repositories/gate.ts';
import type { Actor } from '#lib/domain/actor.ts';
import { AppError } from '#lib/domain/errors.ts';

/** Why a decision cannot carry a promotion, for people; null: it can. */
export function explainStanding(standing: DecisionStanding, championVersionId: string | null): string | null {
  const { decision } = standing;
  switch (decision.verdict) {
    case 'fail':
      return 'Its evaluation ended with the verdict “fail”.';
    case 'inconclusive':
      return 'Its evaluation was inconclusive.';
    case 'pass':
      break;
  }
  if (!standing.isSameAdapter) return 'Its evaluation was of another file than this version holds.';
  if (decision.championVersionId !== championVersionId) {
    return 'It was compared with something else than what serves now. Run the evaluation again.';
  }
  if (standing.isExpired) return 'The pass of its evaluation has expired. Run it again.';
  if (!standing.isPolicyCurrent) return 'The gate’s policy was changed after its evaluation. Run it again.';
  if (!standing.areSuitesCurrent) return 'A suite was changed after its evaluation. Run it again.';
  if (!standing.isAnswerConfigCurrent) return 'The answer settings were changed after its evaluation. Run it again.';
  return null;
}

/**
 * The decision by which a version may be promoted.
 * @param standings of this version, newest first
 * @param championVersionId what serves now; null: the base
 * @throws AppError `gate.not-passed`, `gate.four-eyes`
 */
export function requirePassingDecision(
  standings: readonly DecisionStanding[],
  championVersionId: string | null,
  actor: Actor,
): StoredDecision {
  const [newest] = standings;
  const usable = standings.find((standing) => explainStanding(standing, championVersionId) === null);
  if (usable === undefined) {
    const why =
      newest === undefined ? 'It has not been evaluated.' : (explainStanding(newest, championVersionId) ?? 'Unknown.');
    throw new AppError({
      code: 'gate.not-passed',
      message: `expected a passing, unexpired decision against ${championVersionId ?? 'the base'}: ${why}`,
      userMessage: `This version may not serve yet. ${why}`,
    });
  }
  const isFourEyesRequired = usable.policySettings['isFourEyesRequired'] === true;
  if (isFourEyesRequired && (actor.kind !== 'user' || actor.userId === usable.versionCreatedBy)) {
    throw new AppError({
      code: 'gate.four-eyes',
      message: 'the policy wants another person than the one who made the version to promote it',
      userMessage:
        'The policy asks for four eyes: somebody else than the person who made this version must promote it.',
    });
  }
  return usable.decision;
}
