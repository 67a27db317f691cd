import { createHash } from 'node:crypto';
import type { BaseTokenizer } from '#lib/lora/data/tokenizer.ts';
import { createRandom, shuffle } from '#lib/lora/train/random.ts';
import {
  type AskedPassage,
  buildGroundedRows,
  buildRow,
  type Collections,
  type CountTokens,
  type GroundedRow,
} from './grounded-rows.ts';
import type { Recipe } from './recipe.ts';

export interface RecipeRows {
  readonly train: readonly GroundedRow[];
  readonly validation: readonly GroundedRow[];
  /** Passages that nothing was made from: what the adapter is measured on. */
  readonly heldOut: readonly AskedPassage[];
}

/** Tokens that a tokenizer for training puts around a text: the beginning and the end. */
const FRAME_TOKENS = 2;

function createCounter(tokenizer: BaseTokenizer): CountTokens {
  return (texts) => Promise.resolve(texts.map((text) => tokenizer.tokenizeText(text).tokens.length - FRAME_TOKENS));
}

const isIn = (titles: readonly string[]) => (passage: AskedPassage) => titles.includes(passage.title);

/** The rows of a recipe. Deterministic: the same files, tokenizer and prompts give the same bytes. */
export async function buildRecipeRows(
  recipe: Recipe,
  collections: Collections,
  tokenizer: BaseTokenizer,
): Promise<RecipeRows> {
  const { heldOut, validation } = recipe.split;
  const countTokens = createCounter(tokenizer);
  const isTrained = (passage: AskedPassage) => !isIn([...heldOut, ...validation])(passage);
  const train = await buildGroundedRows(
    {
      articles: collections.articles.filter(isTrained),
      policies: collections.policies.filter(isTrained),
      own: collections.own,
    },
    recipe.mixture,
    recipe.seed,
    countTokens,
  );
  const random = createRandom(recipe.seed, 1);
  const measured = [...collections.articles, ...collections.policies].filter(isIn(validation));
  const asked = shuffle(
    measured.flatMap((passage) => passage.questions.map((question) => ({ question, passage }))),
    random,
  );
  const validationRows: GroundedRow[] = [];
  const { validationRows: answered, validationRefusals } = recipe.mixture;
  for (const [index, { question, passage }] of asked.slice(0, answered + validationRefusals).entries()) {
    const gold = index < answered ? passage : null;
    const pool = gold === null ? measured.filter((other) => other !== passage) : measured;
    validationRows.push(await buildRow(question, gold, pool, { countTokens, random, isDrawn: false, isMarked: false }));
  }
  return {
    train,
    validation: validationRows,
    heldOut: [...collections.articles, ...collections.policies].filter(isIn(heldOut)),
  };
}

/** Questions of held-out passages of one collection, as scripts/eval/answers.ts reads them. */
export function formatHeldOut(heldOut: readonly AskedPassage[], collection: readonly AskedPassage[]): string {
  const texts = new Set(heldOut.map(({ text }) => text));
  return collection
    .filter(({ text }) => texts.has(text))
    .flatMap(({ title, text, questions }) =>
      questions.map(({ question, answers }) => ({ question, answers, document: title, context: text, title })),
    )
    .map((row) => `${JSON.stringify(row)}\n`)
    .join('');
}

/** As the trainer reads them. */
export function formatRows(rows: readonly GroundedRow[]): { readonly text: string; readonly sha256: string } {
  const text = rows.map(({ messages }) => `${JSON.stringify({ messages })}\n`).join('');
  return { text, sha256: createHash('sha256').update(text).digest('hex') };
}
