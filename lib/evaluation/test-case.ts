import { createHash } from 'node:crypto';
import { z } from 'zod';
import { assertionSchema, SCORED_TYPES } from './assertion-registry.ts';
import { metricNameSchema } from './gate-policy.ts';

/** How a case is asked. */
export const caseModes = ['retrieval', 'context', 'alone', 'score'] as const;

export const caseSourceSchema = z.strictObject({
  documentId: z.uuid(),
  /** Of the document, as it was read. */
  versionId: z.uuid(),
  title: z.string().trim().min(1).max(500),
  page: z.number().int().min(1),
  quote: z.string().trim().min(1).max(4000),
});
export type CaseSource = z.infer<typeof caseSourceSchema>;

export const testCaseSchema = z
  .strictObject({
    /** Stable over revisions: a case's history hangs on it. Made from the question when left out. */
    key: z
      .string()
      .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'use lower-case letters, digits and dashes')
      .max(120),
    /** In mode `score` the text whose continuation is measured, verbatim. */
    question: z.string().trim().min(1).max(8000),
    /** Turns before it, oldest first. */
    history: z
      .array(z.strictObject({ role: z.enum(['user', 'assistant']), content: z.string().min(1).max(8000) }))
      .max(40)
      .default([]),
    /**
     * `retrieval`: as in chat, over the workspace's documents. `context`: the same function with the passages below instead of
     * a search. `alone`: the model by itself, without documents. `score`: nothing is written, likelihoods are compared.
     */
    mode: z.enum(caseModes).default('retrieval'),
    context: z
      .array(
        z.strictObject({
          title: z.string().trim().min(1).max(300),
          text: z.string().trim().min(1).max(20_000),
          page: z.number().int().min(1).default(1),
        }),
      )
      .max(20)
      .default([]),
    /** Instead of the workspace's instructions. Left out: those. */
    instructions: z.string().max(2000).optional(),
    /** What it measures, e.g. `grounding`: one metric of the report. */
    area: metricNameSchema.default('grounding'),
    /** Slices of the report, e.g. `intent: returns`. */
    tags: z.array(z.string().trim().min(1).max(80)).max(20).default([]),
    weight: z.number().positive().max(1000).default(1),
    /** The words of a document that the case was written from. The document may be gone by now, or be another workspace's. */
    source: caseSourceSchema.optional(),
    isMustPass: z.boolean().default(false),
    assertions: z.array(assertionSchema).min(1, 'a case without assertions proves nothing').max(20),
  })
  .superRefine((testCase, check) => {
    const scored = testCase.assertions.filter(({ type }) => SCORED_TYPES.includes(type)).length;
    if (testCase.mode === 'score' && scored !== testCase.assertions.length) {
      check.addIssue({
        code: 'custom',
        path: ['assertions'],
        message: `mode score checks ${SCORED_TYPES.join(', ')} only`,
      });
    }
    if ((testCase.mode === 'context') !== testCase.context.length > 0) {
      check.addIssue({ code: 'custom', path: ['context'], message: 'mode context, and no other, needs passages' });
    }
  });
export type TestCase = z.infer<typeof testCaseSchema>;
export type TestCaseInput = z.input<typeof testCaseSchema>;

/** JSON with the keys of every object in order: equal values, equal text. */
function writeCanonical(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
}

/** SHA-256 of the canonical JSON, in hexadecimal. */
export function hashContent(value: unknown): string {
  return createHash('sha256').update(writeCanonical(value)).digest('hex');
}

/** A readable key from the question, with a suffix of its checksum so that like questions stay apart. */
export function makeCaseKey(question: string): string {
  const words = question
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 60)
    .replace(/-+$/, '');
  const suffix = hashContent(question).slice(0, 6);
  return words === '' ? `case-${suffix}` : `${words}-${suffix}`;
}
