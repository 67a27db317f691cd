import { z } from 'zod';
import { trainConfigSchema } from '#lib/lora/train/train-config.ts';

/**
 * What worker and trainer say to each other. The worker writes `request.json` and the data into the run's directory and starts
 * the trainer with it; the trainer says one JSON object a line on standard output, and nothing else there. The directory is
 * all that both need to go on after either was killed.
 */
export const REQUEST_FILE = 'request.json';
export const DATA_DIR = 'data';
export const SAMPLES_DIR = 'samples';
/** Splits as files below {@link DATA_DIR}. */
export const splitFiles = {
  train: 'train.jsonl',
  validation: 'validation.jsonl',
  'held-out': 'held-out.jsonl',
} as const;

export const trainerRequestSchema = z.object({
  base: z.object({
    /** Catalog id or path. */
    id: z.string(),
    sha256: z.string(),
  }),
  config: trainConfigSchema,
  threads: z.number().int().min(1),
  device: z.enum(['cpu', 'cuda']),
  /** Whether the split has rows. Training rows there always are. */
  hasValidation: z.boolean(),
  hasHeldOut: z.boolean(),
  /** Whether somebody wants to see the adapter of every checkpoint. */
  wantsSamples: z.boolean(),
});
export type TrainerRequest = z.infer<typeof trainerRequestSchema>;

const summarySchema = z.object({
  name: z.string(),
  rows: z.number(),
  examples: z.number(),
  tokens: z.number(),
  /** Rows left out, and the first of the reasons. */
  problemCount: z.number(),
  problems: z.array(z.object({ line: z.number(), reason: z.string() })),
});

const estimateSchema = z.object({
  steps: z.number(),
  tokens: z.number(),
  flops: z.number(),
  seconds: z.number(),
  memoryBytes: z.number(),
  weightBytes: z.number(),
});

/** What the trainer read and planned. */
export const trainingPlanSchema = z.object({
  dataSets: z.array(summarySchema),
  estimate: estimateSchema,
  templateSha256: z.string(),
});
export type TrainingPlan = z.infer<typeof trainingPlanSchema>;

const likelihoodSchema = z.object({
  rows: z.number(),
  tokens: z.number(),
  baseLoss: z.number(),
  adapterLoss: z.number(),
});

export const trainingResultSchema = z.object({
  outcome: z.enum(['finished', 'early', 'stopped', 'diverged']),
  steps: z.number(),
  totalSteps: z.number(),
  tokens: z.number(),
  seconds: z.number(),
  /** Mean over the validation rows, in nats a token; null without any. */
  baseLoss: z.number().nullable(),
  bestLoss: z.number().nullable(),
  /** Step whose factors the adapter holds. */
  adapterStep: z.number(),
  heldOut: likelihoodSchema.nullable(),
});
export type TrainingRunResult = z.infer<typeof trainingResultSchema>;

export const trainerMessageSchema = z.discriminatedUnion('event', [
  /** Another training run of this machine is at work. */
  z.object({ event: z.literal('device-wait') }),
  /** `resumedStep`: steps that a checkpoint of an earlier attempt holds. */
  z.object({ event: z.literal('run-prepare'), plan: trainingPlanSchema, resumedStep: z.number().nullable() }),
  z.object({ event: z.literal('weights-prepare'), doneBytes: z.number(), totalBytes: z.number() }),
  z.object({
    event: z.literal('step-finish'),
    step: z.number(),
    totalSteps: z.number(),
    loss: z.number(),
    learningRate: z.number(),
    gradientNorm: z.number(),
    tokensPerSecond: z.number(),
    etaSeconds: z.number(),
  }),
  z.object({ event: z.literal('validation-finish'), step: z.number(), loss: z.number(), isBest: z.boolean() }),
  z.object({ event: z.literal('checkpoint-write'), step: z.number() }),
  /** The adapter of a checkpoint lies at `filePath` until the next one is announced. */
  z.object({ event: z.literal('sample-ready'), step: z.number(), filePath: z.string() }),
  z.object({ event: z.literal('score-start') }),
  z.object({ event: z.literal('run-finish'), result: trainingResultSchema }),
  z.object({
    event: z.literal('run-fail'),
    code: z.string(),
    message: z.string(),
    userMessage: z.string(),
    isRetryable: z.boolean(),
  }),
]);
export type TrainerMessage = z.infer<typeof trainerMessageSchema>;
