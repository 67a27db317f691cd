import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { csvParse } from 'd3-dsv';
import { z } from 'zod';
import { invalidInput } from '#lib/domain/errors.ts';
import type { LooseSuite } from '#lib/evaluation/shipped-suites.ts';
import { makeCaseKey, type TestCaseInput, testCaseSchema } from '#lib/evaluation/test-case.ts';
import { createRandom, shuffle } from '#lib/lora/train/random.ts';
import { makeInstructionCase } from './instruction-case.ts';

/** Public benchmarks as suites. They are read from where somebody has put them; none comes with the product. */
interface PublicSet {
  readonly name: string;
  readonly description: string;
  /** The path below the folder ends so. */
  readonly file: string;
  /** @returns null in the place of a row that our assertions cannot check */
  readonly read: (text: string, readSibling: (name: string) => Promise<string>) => Promise<(TestCaseInput | null)[]>;
}

const readLines = (text: string): unknown[] =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line): unknown => JSON.parse(line));

const choiceSchema = z.object({ query: z.string(), choices: z.array(z.string()).min(2), gold: z.number().int() });

function readChoices(prefix: string, text: string): TestCaseInput[] {
  return readLines(text).map((line) => {
    const { query, choices, gold } = choiceSchema.parse(line);
    const question = `${query.trim()}\nAnswer:`;
    return {
      key: makeCaseKey(`${prefix} ${query}`),
      question,
      mode: 'score',
      area: 'forgetting',
      tags: [`set: ${prefix}`],
      assertions: [{ type: 'prefers', choices: choices.map((choice) => ` ${choice.trim()}`), correct: gold }],
    };
  });
}

const sentenceSchema = z.object({
  context_options: z.array(z.string()).min(2),
  continuation: z.string(),
  gold: z.number().int(),
});
const instructionSchema = z.object({
  key: z.number().int(),
  prompt: z.string(),
  instruction_id_list: z.array(z.string()),
  kwargs: z.array(z.record(z.string(), z.unknown())),
});
const promptSchema = z.object({ prompt: z.string(), type: z.string(), label: z.enum(['safe', 'unsafe']) });
const taskSchema = z.object({
  context: z.string(),
  question: z.string(),
  ideal: z.union([z.string(), z.array(z.string())]),
});
const attackSchema = z.record(z.string(), z.array(z.string()).min(1));

/** Longer passages crowd out the question in a small model's context. */
const MAX_TASK_CHARACTERS = 1600;
const EMOJI = '[\\x{1F300}-\\x{1FAFF}\\x{2600}-\\x{27BF}]';

/** Documents with a foreign instruction in the middle: the question must still be answered, and no address be passed on. */
async function readInjections(
  text: string,
  readSibling: (name: string) => Promise<string>,
): Promise<(TestCaseInput | null)[]> {
  const attacks = Object.entries(attackSchema.parse(JSON.parse(await readSibling('../text_attack_test.json'))));
  const all = attacks.flatMap(([kind, texts]) => texts.map((attack) => ({ kind, attack })));
  return readLines(text).map((line, index) => {
    const { context, question, ideal } = taskSchema.parse(line);
    const expected = [ideal].flat().filter((each) => each.trim() !== '' && each !== 'unknown');
    const chosen = all[(index * 7) % all.length];
    if (expected.length === 0 || context.length > MAX_TASK_CHARACTERS || chosen === undefined) return null;
    const at = context.indexOf('\n', context.length / 2);
    const cut = at === -1 ? context.length : at;
    const addresses = chosen.attack.match(/(?:https?:\/\/|www\.)[\w.-]+\w/g) ?? [];
    return {
      key: makeCaseKey(`bipia ${index} ${question}`),
      question: question.replace(/^Q: /, ''),
      mode: 'context',
      context: [
        { title: 'Document', text: `${context.slice(0, cut)}\n${chosen.attack}\n${context.slice(cut)}`.trim() },
      ],
      area: 'safety',
      tags: ['kind: injection', `attack: ${chosen.kind}`],
      assertions: [
        { type: 'contains', values: expected },
        ...(addresses.length === 0 ? [] : [{ type: 'forbids' as const, values: addresses, scope: 'own' as const }]),
        ...(chosen.kind === 'Emoji Substitution'
          ? [{ type: 'matches' as const, pattern: EMOJI, isForbidden: true }]
          : []),
      ],
    };
  });
}

const publicSets: readonly PublicSet[] = [
  {
    name: 'ARC easy',
    description: 'Science questions of primary school, by likelihood.',
    file: 'arc_easy.jsonl',
    read: (text) => Promise.resolve(readChoices('arc-easy', text)),
  },
  {
    name: 'PIQA',
    description: 'How things are done, by likelihood.',
    file: 'piqa.jsonl',
    read: (text) => Promise.resolve(readChoices('piqa', text)),
  },
  {
    name: 'Winogrande',
    description: 'Whom a sentence speaks of, by the likelihood of its ending.',
    file: 'winogrande.jsonl',
    read: (text) =>
      Promise.resolve(
        readLines(text).map((line) => {
          const { context_options: options, continuation, gold } = sentenceSchema.parse(line);
          return {
            key: makeCaseKey(`winogrande ${options.join(' ')} ${continuation}`),
            question: options[0] ?? '',
            mode: 'score',
            area: 'forgetting',
            tags: ['set: winogrande'],
            assertions: [
              {
                type: 'prefers',
                choices: options.map(() => ` ${continuation.trim()}`),
                prefixes: options,
                correct: gold,
              },
            ],
          };
        }),
      ),
  },
  {
    name: 'IFEval',
    description: 'Instructions whose outcome a program can check.',
    file: 'ifeval/input_data.jsonl',
    read: (text) =>
      Promise.resolve(
        readLines(text).map((line) => {
          const { key, prompt, instruction_id_list: ids, kwargs } = instructionSchema.parse(line);
          return makeInstructionCase({
            key,
            prompt,
            instructions: ids.map((id, index) => ({ id, values: kwargs[index] ?? {} })),
          });
        }),
      ),
  },
  {
    name: 'XSTest',
    description: 'Harmless requests that look dangerous, and dangerous ones beside them.',
    file: 'xstest_prompts.csv',
    read: (text) =>
      Promise.resolve(
        csvParse(text).map((row) => {
          const { prompt, type, label } = promptSchema.parse(row);
          return {
            key: makeCaseKey(`xstest ${prompt}`),
            question: prompt,
            mode: 'alone',
            area: 'safety',
            tags: [label === 'safe' ? 'kind: over-refusal' : 'kind: harmful', `type: ${type}`],
            assertions: [{ type: label === 'safe' ? 'answers' : 'refuses' }],
          };
        }),
      ),
  },
  {
    name: 'HarmBench',
    description: 'Requests that must be declined.',
    file: 'harmbench_prompts.txt',
    read: (text) =>
      Promise.resolve(
        text
          .split('\n')
          .filter((line) => line.trim() !== '')
          .map((line) => ({
            key: makeCaseKey(`harmbench ${line}`),
            question: line,
            mode: 'alone',
            area: 'safety',
            tags: ['kind: harmful'],
            assertions: [{ type: 'refuses' }],
          })),
      ),
  },
  {
    name: 'BIPIA mail',
    description: 'Mails with a foreign instruction in them; the question must still be answered.',
    file: 'bipia/email/test.jsonl',
    read: readInjections,
  },
  {
    name: 'BIPIA tables',
    description: 'Tables with a foreign instruction in them; the question must still be answered.',
    file: 'bipia/table/test.jsonl',
    read: readInjections,
  },
];

export interface ReadSet extends LooseSuite {
  /** Rows of the file that our assertions cannot check. */
  readonly leftOut: number;
}

/**
 * Find public sets below a folder and make suites of them.
 * @param draw at most `limit` cases of each, drawn with `seed`
 * @throws AppError `input.invalid` when none is there, or a file is not what its name says
 */
export async function readPublicSets(
  folder: string,
  draw: { readonly limit: number; readonly seed: number },
): Promise<ReadSet[]> {
  const files = await readdir(folder, { recursive: true });
  const found: ReadSet[] = [];
  for (const { name, description, file, read } of publicSets) {
    const match = files
      .map((each) => each.replaceAll(path.sep, '/'))
      .sort()
      .find((each) => `/${each}`.endsWith(`/${file}`));
    if (match === undefined) continue;
    const place = path.join(folder, match);
    try {
      const rows = await read(await readFile(place, 'utf8'), (sibling) =>
        readFile(path.join(path.dirname(place), sibling), 'utf8'),
      );
      const byKey = new Map(
        rows.flatMap((row) => (row === null ? [] : [testCaseSchema.parse(row)])).map((row) => [row.key, row]),
      );
      const cases = shuffle([...byKey.values()], createRandom(draw.seed)).slice(0, draw.limit);
      found.push({ name, description, cases, leftOut: rows.filter((row) => row === null).length });
    } catch (error) {
      throw invalidInput(`${place}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (found.length === 0) {
    throw invalidInput(`none of ${publicSets.map(({ file }) => file).join(', ')} is below ${folder}`);
  }
  return found;
}
