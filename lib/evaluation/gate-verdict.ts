import { z } from 'zod';
import { type GateVerdict, verdicts } from './decide-gate.ts';

// JSON has no NaN: a mean of nothing is stored as null.
const number = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);
const interval = z.object({ low: number, high: number });

const comparison = z.object({
  metric: z.string(),
  cases: z.number(),
  champion: number,
  challenger: number,
  championInterval: interval,
  challengerInterval: interval,
  difference: number,
  differenceInterval: interval,
  fixed: z.number(),
  regressed: z.number(),
  noiseFloor: z.number().nullable(),
  pWorse: z.number(),
  pNoBetter: z.number(),
});

/** A stored {@link GateVerdict}. */
export const gateVerdictSchema: z.ZodType<GateVerdict> = z.object({
  verdict: z.enum(verdicts),
  reasons: z.array(
    z.object({ kind: z.enum(['blocks', 'undecided', 'fine']), metric: z.string().nullable(), text: z.string() }),
  ),
  metrics: z.array(comparison),
  slices: z.array(comparison),
  moreCases: z.number().nullable(),
  slowdown: z.object({ ratio: number, interval }).nullable(),
});
