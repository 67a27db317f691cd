import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { AppError, invalidInput } from '#lib/domain/errors.ts';
import { trainConfigSchema } from '#lib/lora/train/train-config.ts';
import { type AskedPassage, type Collections, holdsAnswer } from './grounded-rows.ts';

/**
 * How a shipped adapter was made: enough to make it again. Data sets are named by their bytes and lie wherever the caller
 * has them; the rows of our own writing lie beside the recipe.
 */
const fileSchema = z.object({
  /** Below the folder that is given; for own rows below the recipe's folder. */
  path: z.string(),
  sha256: z.string(),
  source: z.string(),
  licence: z.string(),
});

export const recipeSchema = z.object({
  /** One sentence for people; goes into the manifest. */
  description: z.string(),
  base: z.object({ id: z.string(), sha256: z.string() }),
  files: z.object({ articles: fileSchema, policies: fileSchema, policyAnswers: fileSchema, own: fileSchema }),
  /** Documents that no training row is made from; the validation ones are measured while training, the others never. */
  split: z.object({
    heldOut: z.array(z.string()),
    validation: z.array(z.string()),
  }),
  mixture: z.object({
    articlePassages: z.number().int(),
    ownPassages: z.number().int(),
    articleRows: z.number().int(),
    articleRefusals: z.number().int(),
    policyRows: z.number().int(),
    ownRows: z.number().int(),
    markedShare: z.number().min(0).max(1),
    validationRows: z.number().int(),
    validationRefusals: z.number().int(),
  }),
  seed: z.number().int(),
  /** Of the training rows that the shipped weights saw. */
  rowsSha256: z.string(),
  config: trainConfigSchema,
});
export type Recipe = z.infer<typeof recipeSchema>;

const articleSchema = z.object({
  title: z.string(),
  context: z.string(),
  question: z.string(),
  answers: z.array(z.string()),
  document: z.string(),
});
const policySchema = z.object({ _id: z.string(), title: z.string(), text: z.string() });
const policyAnswerSchema = z.object({ question: z.string(), answers: z.array(z.string()), document: z.string() });
const ownSchema = z.object({
  title: z.string(),
  headings: z.array(z.string()),
  text: z.string(),
  questions: z.array(z.tuple([z.string(), z.string().nullable()])),
});

export const RECIPE_FILE = 'recipe.json';

/** @throws AppError `input.invalid` when the folder holds no readable recipe */
export async function readRecipe(directory: string): Promise<Recipe> {
  const file = path.join(directory, RECIPE_FILE);
  const parsed = recipeSchema.safeParse(JSON.parse(await readFile(file, 'utf8')));
  if (parsed.success) return parsed.data;
  throw invalidInput(`${file} is no recipe: ${z.prettifyError(parsed.error)}`);
}

async function readRows<T>(directory: string, file: z.infer<typeof fileSchema>, schema: z.ZodType<T>): Promise<T[]> {
  const bytes = await readFile(path.join(directory, file.path));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== file.sha256)
    throw new AppError({
      code: 'training.input-changed',
      message: `${path.join(directory, file.path)} has SHA-256 ${sha256}, the recipe was made with ${file.sha256} (${file.source})`,
    });
  const lines = bytes.toString('utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => schema.parse(JSON.parse(line)));
}

/** Answers of privacy policies are marked loosely: spans of a few words are kept, the longest and so most telling first. */
const POLICY_ANSWER_WORDS = { least: 3, most: 12 } as const;
/** Questions kept of one policy passage: its many annotators ask nearly the same. */
const POLICY_QUESTIONS = 4;

function choosePolicyAnswers(answers: readonly string[]): string[] {
  return answers
    .map((answer) => answer.trim().replace(/[.,;]$/, ''))
    .filter((answer) => {
      const words = answer.split(/\s+/).length;
      return words >= POLICY_ANSWER_WORDS.least && words <= POLICY_ANSWER_WORDS.most;
    })
    .toSorted((a, b) => b.length - a.length);
}

async function readArticles(directory: string, recipe: Recipe): Promise<AskedPassage[]> {
  const passages = new Map<string, AskedPassage & { readonly questions: AskedPassage['questions'][number][] }>();
  for (const { title, context, question, answers } of await readRows(directory, recipe.files.articles, articleSchema)) {
    const passage = passages.get(context) ?? {
      title: title.replaceAll('_', ' '),
      headings: [],
      text: context,
      questions: [],
    };
    passage.questions.push({ question, answers });
    passages.set(context, passage);
  }
  return [...passages.values()];
}

async function readPolicies(directory: string, recipe: Recipe): Promise<AskedPassage[]> {
  const texts = await readRows(directory, recipe.files.policies, policySchema);
  const rows = await readRows(directory, recipe.files.policyAnswers, policyAnswerSchema);
  return texts.map(({ _id, title, text }) => {
    const asked = new Map<string, string[]>();
    for (const row of rows) {
      if (row.document !== _id || asked.size === POLICY_QUESTIONS) continue;
      // Some spans end within a word.
      const answers = choosePolicyAnswers(row.answers).filter((answer) => holdsAnswer(text, [answer]));
      const isKnown = [...asked.values()].some((known) => known[0] === answers[0]);
      if (answers.length > 0 && !isKnown) asked.set(row.question, answers);
    }
    return {
      title: `Privacy policy of ${title}`,
      headings: [],
      text,
      questions: [...asked].map(([question, answers]) => ({ question, answers })),
    };
  });
}

/** @throws AppError `training.input-changed` when a file is not the one that the recipe names */
export async function readCollections(recipe: Recipe, recipeDir: string, datasetsDir: string): Promise<Collections> {
  const own = await readRows(recipeDir, recipe.files.own, ownSchema);
  return {
    articles: await readArticles(datasetsDir, recipe),
    policies: (await readPolicies(datasetsDir, recipe)).filter(({ questions }) => questions.length > 0),
    own: own.map(({ questions, ...passage }) => ({
      ...passage,
      questions: questions.map(([question, answer]) => ({ question, answers: answer === null ? [] : [answer] })),
    })),
  };
}
