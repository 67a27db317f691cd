import type { z } from 'zod';
import { z as schema } from 'zod';
import type { CaseAnswer } from './case-answer.ts';

/** How far a judging model and people say the same of answers that people have labelled. */
export interface JudgeAgreement {
  readonly agreed: number;
  /** Cohen's κ. */
  readonly kappa: number;
}

/** What an assertion may ask of the models. Each call says which model: `base`, or an adapter's SHA-256. */
export interface AssertionDeps {
  /** L2-normalised, same order. */
  readonly embedTexts: (texts: readonly string[]) => Promise<readonly Float32Array[]>;
  /** Natural-log probability of each token of `continuation` after `prefix`, verbatim. */
  readonly scoreContinuation: (model: string, prefix: string, continuation: string) => Promise<readonly number[]>;
  /** Measured once in a run, though many cases ask: `key` names everything that it depends on. */
  readonly rememberAgreement: (key: string, measure: () => Promise<JudgeAgreement>) => Promise<JudgeAgreement>;
}

export interface AssertionContext {
  /** Null where nothing is to be written (mode `score`). */
  readonly answer: CaseAnswer | null;
  readonly question: string;
  /** `base`, or an adapter's SHA-256. */
  readonly model: string;
  readonly deps: AssertionDeps;
}

/** 0 is worst, 1 is best. */
export interface AssertionOutcome {
  readonly isPassed: boolean;
  readonly score: number;
  /** For people: what was expected and what came. */
  readonly reason: string;
}

/**
 * One kind of assertion. `check` throws when it cannot be computed: the case is then errored, which never counts as passed.
 */
export interface AssertionKind<Type extends string, Spec extends z.ZodType<{ readonly type: Type }>> {
  readonly type: Type;
  readonly schema: Spec;
  readonly check: (spec: z.infer<Spec>, context: AssertionContext) => AssertionOutcome | Promise<AssertionOutcome>;
}

/** Keeps the kind's spec typed inside `check`. */
export function defineAssertion<Type extends string, Spec extends z.ZodType<{ readonly type: Type }>>(
  kind: AssertionKind<Type, Spec>,
): AssertionKind<Type, Spec> {
  return kind;
}

/** What became of one assertion of a case. Stored. */
export const assertionResultSchema = schema.object({
  type: schema.string(),
  state: schema.enum(['passed', 'failed', 'errored']),
  /** Null: errored. */
  score: schema.number().min(0).max(1).nullable(),
  reason: schema.string(),
});
export type AssertionResult = z.infer<typeof assertionResultSchema>;

/** Whose words an assertion looks at: the model's own, or all that a reader sees, the product's quotation included. */
export const scopeSchema = schema.enum(['own', 'all']).default('own');

/** @throws Error where nothing was written: an assertion on words cannot be computed then */
export function requireAnswer(context: AssertionContext): CaseAnswer {
  if (context.answer === null) throw new Error('this case compares likelihoods; there is no answer to look at');
  return context.answer;
}

export function chooseText(context: AssertionContext, scope: z.infer<typeof scopeSchema>): string {
  const answer = requireAnswer(context);
  return scope === 'own' ? answer.ownText : answer.text;
}

/** Case, width and kind of blanks, dashes and quotation marks are no difference; digits and letters are. */
export function foldText(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[\u2010-\u2015\u2212]/g, '-')
    .replaceAll(/[\u2018\u2019]/g, "'")
    .replaceAll(/[\u201C\u201D]/g, '"')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

const isWordy = (character: string | undefined) => character !== undefined && /[\p{L}\p{N}]/u.test(character);

/** Whether the words stand in the text, not as the middle of other words or numbers: `4` is not in `14`. */
export function holdsWords(text: string, words: string): boolean {
  const haystack = foldText(text);
  const needle = foldText(words);
  if (needle === '') return false;
  for (let at = haystack.indexOf(needle); at !== -1; at = haystack.indexOf(needle, at + 1)) {
    const joinsBefore = isWordy(haystack[at - 1]) && isWordy(needle[0]);
    const after = haystack.slice(at + needle.length);
    // "15" is not in "15.5" nor "15,000", but it is in "15." and "15, and".
    const joinsAfter = isWordy(needle.at(-1)) && (isWordy(after[0]) || (/\d$/.test(needle) && /^[.,]\d/.test(after)));
    const joinsNumber = /^\d/.test(needle) && /\d[.,]$/.test(haystack.slice(0, at));
    if (!joinsBefore && !joinsAfter && !joinsNumber) return true;
  }
  return false;
}

/** For reasons: a long answer's beginning. */
export function quoteShortly(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  if (line === '') return 'nothing';
  return line.length <= 120 ? `“${line}”` : `“${line.slice(0, 117).toWellFormed()}…”`;
}

export function passIf(isPassed: boolean, reason: string): AssertionOutcome {
  return { isPassed, score: Number(isPassed), reason };
}
