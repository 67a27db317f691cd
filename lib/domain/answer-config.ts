import { z } from 'zod';

/**
 * Everything that decides how a question is answered, besides the documents and the model. Stored as an immutable row;
 * every message names the row. Defaults are the measured ones of docs/decisions (answering with a small model).
 */
export const answerConfigSchema = z.object({
  /** Candidates taken from each search leg before fusion. */
  candidatesPerLeg: z.number().int().min(1).max(200).default(30),
  /** Passages offered to the model and shown as sources. */
  topK: z.number().int().min(1).max(20).default(4),
  /** Tokens (base model) that passages may take in the prompt. */
  sourceTokenBudget: z.number().int().min(64).max(100_000).default(700),
  /** Below this support score (0 to 1) the answer is a refusal. */
  supportThreshold: z.number().min(0).max(1).default(0.35),
  /** Names the prompt template in lib/chat/prompt.ts. */
  promptVersion: z.string().default('grounded-1'),
  maxAnswerTokens: z.number().int().min(16).max(4096).default(160),
  temperature: z.number().min(0).max(2).default(0),
  seed: z.number().int().default(0),
});
export type AnswerConfig = z.infer<typeof answerConfigSchema>;
