import { parse as parseYaml, stringify as writeYaml } from 'yaml';
import { z } from 'zod';
import { invalidInput } from '#lib/domain/errors.ts';
import { makeCaseKey, type TestCase, testCaseSchema } from './test-case.ts';

/** Suites as files: our YAML and JSONL, and the common fields of promptfoo's `tests`. */

export const MAX_SUITE_BYTES = 4_000_000;
export const MAX_SUITE_CASES = 5000;

export interface SuiteFile {
  /** Null: the file does not say. */
  readonly name: string | null;
  readonly description: string | null;
  readonly cases: readonly TestCase[];
  /** Cases that were left out, each with its place and reason. */
  readonly problems: readonly string[];
}

export const suiteFormats = ['yaml', 'jsonl'] as const;
export type SuiteFormat = (typeof suiteFormats)[number];

const headSchema = z.object({
  name: z.string().trim().min(1).max(120).nullish(),
  description: z.string().trim().max(2000).nullish(),
});

/** @throws AppError `input.invalid` when the file is no YAML, no JSONL, or holds no case that can be read */
export function parseSuiteFile(text: string): SuiteFile {
  if (Buffer.byteLength(text) > MAX_SUITE_BYTES) {
    throw invalidInput(`expected a suite of at most ${MAX_SUITE_BYTES} bytes`);
  }
  const { head, rows, shared } = readRows(text);
  if (rows.length > MAX_SUITE_CASES)
    throw invalidInput(`expected at most ${MAX_SUITE_CASES} cases, got ${rows.length}`);
  const cases: TestCase[] = [];
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const [index, row] of rows.entries()) {
    const at = `case ${index + 1}`;
    try {
      const testCase = readCase(row, shared);
      if (seen.has(testCase.key)) throw invalidInput(`the key ${testCase.key} stands twice`);
      seen.add(testCase.key);
      cases.push(testCase);
    } catch (error) {
      problems.push(`${at}: ${explain(error)}`);
    }
  }
  if (cases.length === 0) {
    throw invalidInput(
      rows.length === 0 ? 'the file holds no cases' : `no case of the file can be read; ${problems[0] ?? 'unknown'}`,
    );
  }
  return { name: head.name ?? null, description: head.description ?? null, cases, problems };
}

function explain(error: unknown): string {
  if (error instanceof z.ZodError) {
    const [issue] = error.issues;
    const path = issue?.path.join('.') ?? '';
    return `${path === '' ? '' : `${path}: `}${issue?.message ?? 'invalid'}`;
  }
  return error instanceof Error ? error.message : String(error);
}

interface Rows {
  readonly head: z.infer<typeof headSchema>;
  readonly rows: readonly unknown[];
  /** promptfoo's `defaultTest`: its assertions are added to every case. */
  readonly shared: z.infer<typeof promptfooTestSchema> | null;
}

function readRows(text: string): Rows {
  const trimmed = text.trim();
  const lines = trimmed.split('\n').filter((line) => line.trim() !== '');
  if (trimmed.startsWith('{') && lines.length > 0 && lines.every((line) => line.trim().startsWith('{'))) {
    const values = lines.map((line, index): unknown => {
      try {
        return JSON.parse(line);
      } catch {
        throw invalidInput(`line ${index + 1} is not valid JSON`);
      }
    });
    const first = z.object({ suite: headSchema }).safeParse(values[0]);
    return first.success
      ? { head: first.data.suite, rows: values.slice(1), shared: null }
      : { head: {}, rows: values, shared: null };
  }
  let value: unknown;
  try {
    // Aliases are bounded, so that no file of a few lines unfolds to gigabytes.
    value = parseYaml(text, { maxAliasCount: 100 });
  } catch (error) {
    throw invalidInput(`not valid YAML: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'unknown'}`);
  }
  if (Array.isArray(value)) return { head: {}, rows: value, shared: null };
  const file = z
    .object({
      ...headSchema.shape,
      cases: z.array(z.unknown()).nullish(),
      tests: z.array(z.unknown()).nullish(),
      defaultTest: z.unknown().optional(),
    })
    .safeParse(value);
  if (!file.success) throw invalidInput('expected a list of cases, or an object with `cases` or `tests`');
  const shared = promptfooTestSchema.safeParse(file.data.defaultTest);
  return {
    head: file.data,
    rows: file.data.cases ?? file.data.tests ?? [],
    shared: shared.success ? shared.data : null,
  };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function readCase(row: unknown, shared: Rows['shared']): TestCase {
  if (!isObject(row)) throw invalidInput('expected an object');
  const own = 'assert' in row || 'vars' in row ? readPromptfooCase(row, shared) : row;
  const question = typeof own['question'] === 'string' ? own['question'] : '';
  return testCaseSchema.parse({ ...own, key: own['key'] ?? makeCaseKey(question) });
}

const promptfooAssertSchema = z.object({
  type: z.string(),
  value: z.unknown().optional(),
  threshold: z.number().nullish(),
});

const promptfooTestSchema = z.object({
  description: z.string().nullish(),
  vars: z.record(z.string(), z.unknown()).nullish(),
  assert: z.array(promptfooAssertSchema).nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
});

/** Names under which promptfoo's users keep the question, likeliest first. */
const QUESTION_VARIABLES = ['question', 'query', 'prompt', 'input', 'message', 'text', 'topic'];

function readPromptfooCase(row: Record<string, unknown>, shared: Rows['shared']): Record<string, unknown> {
  const test = promptfooTestSchema.parse(row);
  const vars = { ...shared?.vars, ...test.vars };
  const name = QUESTION_VARIABLES.find((variable) => typeof vars[variable] === 'string') ?? Object.keys(vars)[0];
  const question = name === undefined ? undefined : vars[name];
  if (typeof question !== 'string') {
    throw invalidInput(`no variable holds the question; expected one of ${QUESTION_VARIABLES.join(', ')}`);
  }
  const context = vars['context'];
  const metadata = { ...shared?.metadata, ...test.metadata };
  return {
    question,
    ...(typeof context === 'string' && context.trim() !== ''
      ? { mode: 'context', context: [{ title: 'Context', text: context }] }
      : {}),
    tags: Object.entries(metadata).flatMap(([key, value]) =>
      typeof value === 'string' || typeof value === 'number' ? [`${key}: ${value}`.slice(0, 80)] : [],
    ),
    assertions: [...(shared?.assert ?? []), ...(test.assert ?? [])].map(readPromptfooAssertion),
  };
}

const asTexts = (value: unknown): string[] =>
  (Array.isArray(value) ? value : [value]).flatMap((each: unknown) =>
    typeof each === 'string' || typeof each === 'number' ? [String(each)] : [],
  );

function readPromptfooAssertion({ type, value, threshold }: z.infer<typeof promptfooAssertSchema>): object {
  switch (type) {
    case 'equals':
      return { type: 'equals', value: asTexts(value)[0] };
    case 'contains':
    case 'icontains':
    case 'contains-all':
    case 'icontains-all':
      return { type: 'contains', values: asTexts(value) };
    case 'contains-any':
    case 'icontains-any':
      return { type: 'contains-any', values: asTexts(value) };
    case 'not-contains':
    case 'not-icontains':
    case 'not-contains-any':
    case 'not-icontains-any':
      return { type: 'forbids', values: asTexts(value) };
    case 'regex':
    case 'not-regex':
      return {
        type: 'matches',
        pattern: asTexts(value)[0],
        isCaseSensitive: true,
        isForbidden: type === 'not-regex',
      };
    case 'is-json':
    case 'contains-json':
      return { type: 'json-schema', schema: isObject(value) ? value : {} };
    case 'similar':
      return {
        type: 'similar',
        value: asTexts(value)[0],
        ...(threshold === null || threshold === undefined ? {} : { threshold }),
      };
    case 'latency':
      return { type: 'latency', maxMs: threshold };
    case 'is-refusal':
      return { type: 'refuses' };
    case 'not-is-refusal':
      return { type: 'answers' };
    case 'word-count': {
      const bounds = isObject(value) ? value : { min: value, max: value };
      return { type: 'length', minWords: bounds['min'] ?? 0, ...(bounds['max'] ? { maxWords: bounds['max'] } : {}) };
    }
    case 'llm-rubric':
    case 'model-graded-closedqa':
      throw invalidInput(
        `${type} says nothing of how far its judge agrees with people; write it as rubric, with labels`,
      );
    default:
      throw invalidInput(`assertions of type ${type} are not known here`);
  }
}

/** @returns the suite in a form that {@link parseSuiteFile} reads back to the same cases */
export function writeSuiteFile(
  suite: { readonly name: string; readonly description: string; readonly cases: readonly TestCase[] },
  format: SuiteFormat,
): string {
  const { name, description } = suite;
  // Lists that are empty by default say nothing.
  const cases = suite.cases.map((testCase) =>
    Object.fromEntries(
      Object.entries(testCase).filter(([key, value]) => {
        if (Array.isArray(value) && value.length === 0) return false;
        return !(key === 'weight' && value === 1) && !(key === 'isMustPass' && value === false);
      }),
    ),
  );
  if (format === 'yaml') return writeYaml({ name, description, cases }, { lineWidth: 120 });
  return `${[{ suite: { name, description } }, ...cases].map((row) => JSON.stringify(row)).join('\n')}\n`;
}
