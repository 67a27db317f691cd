import { z } from 'zod';
import { trainingResultSchema } from './trainer-protocol.ts';

/** What stands in the JSON columns of `training_runs`. */

export const trainingForecastSchema = z.object({
  /** Rows that go in, and rows that no sequence holds. */
  usedRows: z.number(),
  leftOutRows: z.number(),
  steps: z.number(),
  /** Through the graph, over all passes. */
  tokens: z.number(),
  /** On an idle machine; null while nobody has measured how fast this one is. */
  seconds: z.number().nullable(),
  /** Of the trainer, without the mapped weights. */
  memoryBytes: z.number(),
  /** Of the base's weights as f32: mapped, and on disk. */
  weightBytes: z.number(),
  /** False: they are written first, once for each base. */
  areWeightsReady: z.boolean(),
  /** What the machine can still give. */
  availableBytes: z.number(),
});
export type TrainingForecast = z.infer<typeof trainingForecastSchema>;

/** What was found when the finished adapter answered beside the base. */
export const canaryReportSchema = z.object({
  prompts: z.number(),
  /** Prompts that the adapter answers otherwise than the base. */
  changed: z.number(),
  /** Prompts whose answer ended by itself. */
  endedByBase: z.number(),
  endedByAdapter: z.number(),
  /** Prompts whose answer repeats the template's markers or the system prompt, or goes round in circles. */
  leakedByBase: z.number(),
  leakedByAdapter: z.number(),
  loopedByBase: z.number(),
  loopedByAdapter: z.number(),
  emptyByAdapter: z.number(),
  /** Why the adapter may not become a version; empty: it may. */
  reasons: z.array(z.string()),
});
export type CanaryReport = z.infer<typeof canaryReportSchema>;

export const trainingOutcomeSchema = z.object({
  result: trainingResultSchema,
  canary: canaryReportSchema.nullable(),
});
export type TrainingOutcome = z.infer<typeof trainingOutcomeSchema>;
