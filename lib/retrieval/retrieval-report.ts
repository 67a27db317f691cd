import { z } from 'zod';

const legSchema = z.object({
  'ndcg@10': z.number(),
  'recall@5': z.number(),
  'recall@10': z.number(),
  'mrr@10': z.number(),
});
export type LegMetrics = z.infer<typeof legSchema>;

export const legNames = ['lexical', 'dense', 'fused', 'reranked'] as const;
export type LegName = (typeof legNames)[number];

/** What one run of the golden set found. Metrics are means over the questions with marked passages. */
export const retrievalReportSchema = z.object({
  /** Questions with marked passages. Below, null where there are none, and for `reranked` without a reranker. */
  rankedQuestions: z.number().int(),
  legs: z.object({
    lexical: legSchema.nullable(),
    dense: legSchema.nullable(),
    fused: legSchema.nullable(),
    reranked: legSchema.nullable(),
  }),
  samples: z.array(
    z.object({
      questionId: z.string(),
      question: z.string(),
      kind: z.enum(['answerable', 'unanswerable']),
      supportScore: z.number(),
      /** Rank of the first marked passage among the sources that a reader would see; null: not among them, or none is marked. */
      sourceRank: z.number().int().nullable(),
      markedPassages: z.number().int(),
    }),
  ),
  /** The answer configuration's, when it ran. */
  supportThreshold: z.number(),
});
export type RetrievalReport = z.infer<typeof retrievalReportSchema>;
