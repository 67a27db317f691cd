import { z } from 'zod';

/** Of eight weights the one that is best, or within noise of it, on all three sets of docs/decisions/0025-search-at-scale.md. */
export const LEXICAL_WEIGHT = 2;

/**
 * Everything that decides how a question is answered, besides the documents and the model. Stored as an immutable row;
 * every message names the row. Defaults are the measured ones of docs/decisions/0020-answering-with-a-small-model.md.
 */
export const answerConfigSchema = z.object({
  /** Candidates taken from each search leg before fusion. */
  candidatesPerLeg: z.number().int().min(1).max(200).default(30),
  /**
   * What a rank of the lexical leg counts beside one of the dense leg, 1 for the same
   * (docs/decisions/0025-search-at-scale.md).
   */
  lexicalWeight: z.number().min(0).max(10).default(LEXICAL_WEIGHT),
  /** Passages of one document among the sources, while other documents have any. */
  passagesPerDocument: z.number().int().min(1).max(20).default(20),
  /** Best candidates that the reranker reads, where one is set (RERANK_URL). 0: none. */
  rerankCandidates: z.number().int().min(0).max(100).default(20),
  /** Passages shown as sources; an answer may cite any of them. */
  topK: z.number().int().min(1).max(20).default(4),
  /** Of these, how many the model reads at most. */
  promptPassages: z.number().int().min(1).max(20).default(4),
  /**
   * Tokens (base model) of passages in the prompt. What does not fit is cut to the sentences that speak most of the question:
   * about three with the default, which suits small models; give large ones thousands.
   */
  sourceTokenBudget: z.number().int().min(32).max(100_000).default(120),
  /**
   * Below this support score (0 to 1) the answer is a refusal. 0.45 refuses 5 % of answerable questions, 98 % of questions
   * about another subject and half of near misses (scripts/eval-support.ts).
   */
  supportThreshold: z.number().min(0).max(1).default(0.45),
  /** Names the prompt template in lib/chat/prompt.ts. */
  promptVersion: z.string().default('grounded-1'),
  maxAnswerTokens: z.number().int().min(16).max(4096).default(48),
  temperature: z.number().min(0).max(2).default(0),
  /** 1: none. Above 1 it hinders copying. */
  repetitionPenalty: z.number().min(1).max(2).default(1),
  seed: z.number().int().default(0),
  /** When the best supporting sentence stands word for word under the answer. */
  quoteSupport: z.enum(['always', 'when-unverified', 'never']).default('when-unverified'),
});
export type AnswerConfig = z.infer<typeof answerConfigSchema>;
