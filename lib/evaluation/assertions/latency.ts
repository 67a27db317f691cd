import { z } from 'zod';
import { defineAssertion, passIf, requireAnswer } from '../assertion.ts';

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

/** The whole answer took no longer than this, search and queue included. */
export const latency = defineAssertion({
  type: 'latency',
  schema: z.strictObject({ type: z.literal('latency'), maxMs: z.number().positive().max(3_600_000) }),
  check({ maxMs }, context) {
    const { latencyMs } = requireAnswer(context);
    return passIf(latencyMs <= maxMs, `Took ${seconds(latencyMs)}; at most ${seconds(maxMs)} is expected.`);
  },
});
