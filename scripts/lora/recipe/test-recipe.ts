/** A recipe over a few small articles and policies, for tests. The passages of our own are the first of those that ship. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { RECIPE_FILE, type Recipe, readRecipe } from './recipe.ts';

const shipped = path.join(import.meta.dirname, '../../../adapters/grounded-answers');

const OWN_PASSAGES = 26;

const towns = ['Arden', 'Brask', 'Corley', 'Dunmore', 'Ester', 'Fallow'];
const articles = towns.flatMap((town, t) =>
  ['bridge', 'tower', 'market'].map((thing, i) => ({
    title: `${town}_town`,
    context: `The ${thing} of ${town} was built in ${1700 + 10 * t + i} by the guild of ${town}. It is ${20 + t + i} m long.`,
    question: `When was the ${thing} of ${town} built?`,
    answers: [String(1700 + 10 * t + i)],
    document: `${town}#${i}`,
  })),
);
const policies = [0, 1, 2].map((i) => ({
  _id: `shop${i}.com#0`,
  title: `shop${i}.com`,
  text: `We keep your orders for ${i + 2} years in our books. You may ask us to erase them.`,
}));
const policyAnswers = policies.map(({ _id }, i) => ({
  question: 'How long do you keep orders?',
  answers: [`for ${i + 2} years in our books`, 'yea', 'for'],
  document: _id,
}));

const toLines = (rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

/** @param directory takes the recipe and the files that it names */
export async function writeTestRecipe(directory: string, changes: Partial<Recipe> = {}): Promise<Recipe> {
  const write = async (name: string, text: string) => {
    await mkdir(path.dirname(path.join(directory, name)), { recursive: true });
    await writeFile(path.join(directory, name), text);
    return { path: name, sha256: createHash('sha256').update(text).digest('hex'), source: 'here', licence: 'none' };
  };
  const known = await readRecipe(shipped);
  const own = await readFile(path.join(shipped, known.files.own.path), 'utf8');
  const recipe: Recipe = {
    ...known,
    files: {
      articles: await write('reading/articles.jsonl', toLines(articles)),
      policies: await write('policies.jsonl', toLines(policies)),
      policyAnswers: await write('answers.jsonl', toLines(policyAnswers)),
      own: await write('own.jsonl', own.split('\n').slice(0, OWN_PASSAGES).join('\n')),
    },
    split: { heldOut: ['Arden town', 'Privacy policy of shop0.com'], validation: ['Brask town'] },
    mixture: {
      articlePassages: 4,
      ownPassages: 3,
      articleRows: 20,
      articleRefusals: 3,
      policyRows: 1,
      ownRows: 60,
      markedShare: 0.2,
      validationRows: 1,
      validationRefusals: 1,
    },
    ...changes,
  };
  await writeFile(path.join(directory, RECIPE_FILE), JSON.stringify(recipe));
  return recipe;
}
