/** What search knows about how well the found passages bear on a question. */
export interface SupportEvidence {
  /** Best cosine similarity among the sources, −1 to 1; null when no source came from the dense leg. */
  readonly topSimilarity: number | null;
  /** Hosts, files and models that the question names and no source does. */
  readonly missingNames: readonly string[];
  /** Terms of the question. */
  readonly terms: readonly {
    /** What it is worth. */
    readonly idf: number;
    readonly isCode: boolean;
    /** Whether any live passage of the workspace has it. */
    readonly isKnown: boolean;
    /** Sources that have it. */
    readonly sourceNumbers: readonly number[];
  }[];
}

/**
 * Weights of the logistic model, set by hand. The fit of `scripts/eval-support.ts` over 175 questions on a manual and on
 * encyclopedia articles came out near them (bias −4.3, similarity 6.1, coverage 2.8, missing code −2.0). A missing code weighs
 * more than fitted: an answer about a part number that no document has is the worst one to give. A missing name weighs as much
 * (docs/decisions/0041-refusal-by-missing-names.md). Area under the curve: 0.99 for questions
 * about another subject, 0.80 for near misses.
 */
const WEIGHTS = { bias: -4, similarity: 6, coverage: 3, missingName: -3 } as const;

/**
 * How likely it is that the sources hold an answer, 0 to 1: logistic in the best similarity, in the idf-weighted share of the
 * question's terms that the sources contain, and in whether a code that was asked for is in none of them.
 */
export function scoreSupport(evidence: SupportEvidence): number {
  const { similarity, coverage, missingName } = describeSupport(evidence);
  const logit =
    WEIGHTS.bias + WEIGHTS.similarity * similarity + WEIGHTS.coverage * coverage + WEIGHTS.missingName * missingName;
  return 1 / (1 + Math.exp(-logit));
}

/** What could speak for or against an answer, each 0 to 1. {@link scoreSupport} weighs the first three. */
export interface SupportFeatures {
  readonly similarity: number;
  readonly coverage: number;
  readonly missingName: number;
  /** Share of the question's worth that the best single source holds. */
  readonly focus: number;
  /** Share of the question's worth that stands nowhere in the workspace. */
  readonly unknown: number;
}

export function describeSupport({ topSimilarity, missingNames, terms }: SupportEvidence): SupportFeatures {
  const total = terms.reduce((sum, term) => sum + term.idf, 0);
  const share = (isCounted: (term: SupportEvidence['terms'][number]) => boolean) =>
    total === 0 ? 0 : terms.reduce((sum, term) => sum + (isCounted(term) ? term.idf : 0), 0) / total;
  const numbers = new Set(terms.flatMap((term) => term.sourceNumbers));
  return {
    similarity: Math.max(0, topSimilarity ?? 0),
    coverage: share((term) => term.sourceNumbers.length > 0),
    missingName:
      missingNames.length > 0 || terms.some((term) => term.isCode && term.sourceNumbers.length === 0) ? 1 : 0,
    focus: Math.max(0, ...[...numbers].map((number) => share((term) => term.sourceNumbers.includes(number)))),
    unknown: share((term) => !term.isKnown),
  };
}
