import { z } from 'zod';
import { targetModules } from '../architectures/architecture.ts';

/**
 * Shape of an adapter. PEFT's names for the same things are `r`, `lora_alpha`, `target_modules`, `lora_dropout`,
 * `use_rslora` and `layers_to_transform`.
 */
export const loraConfigSchema = z.object({
  /** Inner dimension of the factors. Multiples of 16 suit CPU kernels; 8 is slower than 16. */
  rank: z.number().int().min(1).max(1024).default(16),
  /** The update is scaled by alpha / rank. */
  alpha: z.number().positive().default(32),
  /** Scale by alpha / √rank instead (Kalajdzievski, 2023), which keeps large ranks learning. */
  isRankStabilised: z.boolean().default(false),
  /** Share of A's inputs set to zero in a training step; 0 for none. */
  dropout: z.number().min(0).max(0.9).default(0.05),
  modules: z
    .array(z.enum(targetModules))
    .min(1)
    .default([...targetModules]),
  /** Adapt the uppermost layers only; null for all. */
  topLayers: z.number().int().min(1).nullable().default(null),
});
export type LoraConfig = z.infer<typeof loraConfigSchema>;

export const trainConfigSchema = z
  .object({
    lora: loraConfigSchema.prefault({}),
    /** Peak learning rate, after the warm-up. */
    learningRate: z.number().positive().max(1).default(3e-4),
    schedule: z.enum(['cosine', 'linear', 'constant']).default('cosine'),
    /** Share of all steps in which the learning rate rises from 0. */
    warmupShare: z.number().min(0).max(0.5).default(0.05),
    /** Decoupled, as in AdamW. */
    weightDecay: z.number().min(0).max(1).default(0),
    /** Global norm beyond which gradients are scaled down; 0 for no limit. */
    maxGradientNorm: z.number().min(0).default(1),
    /** Passes over the data. Not used when `maxSteps` is set. */
    epochs: z.number().positive().max(100).default(1),
    maxSteps: z.number().int().min(1).nullable().default(null),
    /** Tokens of one packed sequence; longer examples are reported and left out. */
    sequenceTokens: z.number().int().min(16).max(131_072).default(512),
    /** Put several examples into one sequence; they do not see each other. */
    isPacked: z.boolean().default(true),
    /** Sequences computed together. */
    microBatch: z.number().int().min(1).max(64).default(1),
    /** Micro-batches whose gradients make one step. */
    accumulation: z.number().int().min(1).max(256).default(2),
    /** Learn the assistant's words only, not the questions and sources. */
    isLossOnAssistantOnly: z.boolean().default(true),
    seed: z
      .number()
      .int()
      .min(0)
      .max(2 ** 31 - 1)
      .default(0),
    /** Steps between measurements on the validation split; 0 for the end alone. */
    validationInterval: z.number().int().min(0).default(20),
    /** Validations without a better loss after which training stops; 0 for never. */
    patience: z.number().int().min(0).default(0),
    /** Steps between checkpoints; 0 for the end alone. */
    checkpointInterval: z.number().int().min(0).default(10),
  })
  .strict();
export type TrainConfig = z.infer<typeof trainConfigSchema>;

/** Factor of B·A·x. */
export function scaleOf({ alpha, rank, isRankStabilised }: LoraConfig): number {
  return isRankStabilised ? alpha / Math.sqrt(rank) : alpha / rank;
}
