import { z } from 'zod';
import { AppError } from '#lib/domain/errors.ts';
import type { AssertionContext, AssertionOutcome, AssertionResult } from './assertion.ts';
import { answers } from './assertions/answers.ts';
import { citationValid } from './assertions/citation-valid.ts';
import { citesDocument } from './assertions/cites-document.ts';
import { contains } from './assertions/contains.ts';
import { containsAny } from './assertions/contains-any.ts';
import { equals } from './assertions/equals.ts';
import { forbids } from './assertions/forbids.ts';
import { jsonSchema } from './assertions/json-schema.ts';
import { language } from './assertions/language.ts';
import { latency } from './assertions/latency.ts';
import { length } from './assertions/length.ts';
import { likelihood } from './assertions/likelihood.ts';
import { matches } from './assertions/matches.ts';
import { prefers } from './assertions/prefers.ts';
import { refuses } from './assertions/refuses.ts';
import { rubric } from './assertions/rubric.ts';
import { similar } from './assertions/similar.ts';

/** Every kind of assertion: another one is another file and a line here. */
export const assertionSchema = z.discriminatedUnion('type', [
  equals.schema,
  contains.schema,
  containsAny.schema,
  forbids.schema,
  matches.schema,
  jsonSchema.schema,
  similar.schema,
  citationValid.schema,
  citesDocument.schema,
  refuses.schema,
  answers.schema,
  language.schema,
  length.schema,
  latency.schema,
  likelihood.schema,
  prefers.schema,
  rubric.schema,
]);
export type Assertion = z.infer<typeof assertionSchema>;

/** What can be checked without an answer, by likelihoods alone. */
export const SCORED_TYPES: readonly Assertion['type'][] = ['likelihood', 'prefers'];

function check(spec: Assertion, context: AssertionContext): AssertionOutcome | Promise<AssertionOutcome> {
  switch (spec.type) {
    case 'equals':
      return equals.check(spec, context);
    case 'contains':
      return contains.check(spec, context);
    case 'contains-any':
      return containsAny.check(spec, context);
    case 'forbids':
      return forbids.check(spec, context);
    case 'matches':
      return matches.check(spec, context);
    case 'json-schema':
      return jsonSchema.check(spec, context);
    case 'similar':
      return similar.check(spec, context);
    case 'citation-valid':
      return citationValid.check(spec, context);
    case 'cites-document':
      return citesDocument.check(spec, context);
    case 'refuses':
      return refuses.check(spec, context);
    case 'answers':
      return answers.check(spec, context);
    case 'language':
      return language.check(spec, context);
    case 'length':
      return length.check(spec, context);
    case 'latency':
      return latency.check(spec, context);
    case 'likelihood':
      return likelihood.check(spec, context);
    case 'prefers':
      return prefers.check(spec, context);
    case 'rubric':
      return rubric.check(spec, context);
  }
}

/**
 * Check one assertion. What cannot be computed is `errored`, a score that is no number `failed`; neither is ever passed.
 * @throws AppError of the runtime that says nothing about the case: it is busy, gone, or the call was aborted
 */
export async function checkAssertion(spec: Assertion, context: AssertionContext): Promise<AssertionResult> {
  try {
    const { isPassed, score, reason } = await check(spec, context);
    if (!Number.isFinite(score)) {
      return { type: spec.type, state: 'failed', score: 0, reason: `${reason} Its score is no number.` };
    }
    return {
      type: spec.type,
      state: isPassed ? 'passed' : 'failed',
      score: Math.min(1, Math.max(0, score)),
      reason,
    };
  } catch (error) {
    if (AppError.isInstance(error) && (error.isRetryable || error.code === 'runtime.aborted')) throw error;
    const why = AppError.isInstance(error) ? error.userMessage : error instanceof Error ? error.message : String(error);
    return { type: spec.type, state: 'errored', score: null, reason: `Could not be checked: ${why}` };
  }
}
