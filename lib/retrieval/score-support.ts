/** What search knows about how well the found passages bear on a question. */
export interface SupportEvidence {
  /** Best cosine similarity among the sources, −1 to 1; null when no source came from the dense leg. */
  readonly topSimilarity: number | null;
  /** Terms of the question: worth (idf), whether it is a code, and whether any source has it. */
  readonly terms: readonly { readonly idf: number; readonly isCode: boolean; readonly isFound: boolean }[];
}

/**
 * Weights of the logistic model, set by hand. The fit of `scripts/eval-support.ts` over 175 questions on a manual and on
 * encyclopedia articles came out near them (bias −4.3, similarity 6.1, coverage 2.8, missing code −2.0). A missing code weighs
 * more than fitted: an answer about a part number that no document has is the worst one to give. Area under the curve: 0.99 for questions
 * about another subject, 0.80 for near misses.
 */
const WEIGHTS = { bias: -4, similarity: 6, coverage: 3, missingCode: -3 } as const;

/**
 * How likely it is that the sources hold an answer, 0 to 1: logistic in the best similarity, in the idf-weighted share of the
 * question's terms that the sources contain, and in whether a code that was asked for is in none of them.
 */
export function scoreSupport(evidence: SupportEvidence): number {
  const { similarity, coverage, missingCode } = describeSupport(evidence);
  const logit =
    WEIGHTS.bias + WEIGHTS.similarity * similarity + WEIGHTS.coverage * coverage + WEIGHTS.missingCode * missingCode;
  return 1 / (1 + Math.exp(-logit));
}

/** The three features of {@link scoreSupport}, each 0 to 1. */
export function describeSupport({ topSimilarity, terms }: SupportEvidence): {
  readonly similarity: number;
  readonly coverage: number;
  readonly missingCode: number;
} {
  const total = terms.reduce((sum, term) => sum + term.idf, 0);
  const found = terms.reduce((sum, term) => sum + (term.isFound ? term.idf : 0), 0);
  return {
    similarity: Math.max(0, topSimilarity ?? 0),
    coverage: total === 0 ? 0 : found / total,
    missingCode: terms.some((term) => term.isCode && !term.isFound) ? 1 : 0,
  };
}
