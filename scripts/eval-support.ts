/**
 * How well the support score tells questions that the documents answer from those they do not:
 *
 *   npm run eval:support -- [--reading FILE] [--policies FOLDER] [--json]
 *
 * Asks the demo workspace its own questions (db/seeds/demo/questions.json; the unanswerable ones are near misses), and, with
 * `--reading` (JSON lines of title, context, question), every second article's passages the questions of all articles.
 * With `--policies` (a collection in BEIR's layout whose titles name policies), every second policy is indexed and asked the questions
 * of all, once as they are and once with the policy named in them; half of the policies are held out of the fit.
 * Prints the features' fit by logistic regression and what each threshold would refuse.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { z } from 'zod';
import { extractBytes } from '#lib/ingestion/extract/extract-bytes.ts';
import type { MediaType } from '#lib/ingestion/formats.ts';
import { defaultChunkSizes } from '#lib/ingestion/ingest-version.ts';
import { describeSupport, scoreSupport } from '#lib/retrieval/score-support.ts';
import { search } from '#lib/retrieval/search.ts';
import { openWorkbench, type WorkbenchWorkspace } from './eval/open-workbench.ts';
import { readCollection } from './eval/read-collection.ts';

interface Sample {
  readonly set: string;
  readonly question: string;
  readonly isAnswerable: boolean;
  /** Not fitted on. */
  readonly isHeldOut: boolean;
  readonly features: ReturnType<typeof describeSupport>;
  readonly score: number;
  /** Rank of the first source that holds an expected answer; null when none does or none is known. */
  readonly rank: number | null;
}

const questionsSchema = z.object({
  questions: z.array(
    z.object({ question: z.string(), answerable: z.boolean(), expected: z.array(z.string()).optional() }),
  ),
});
const readingSchema = z.object({ title: z.string(), context: z.string(), question: z.string() });

const DEMO_DIR = path.join(import.meta.dirname, '../db/seeds/demo');
const QUESTIONS_PER_READING_CLASS = 60;
const TOP_K = 4;

const options = new Command('eval-support')
  .option('--reading <file>', 'JSON lines with title, context and question')
  .option('--policies <folder>', 'collection of policies in BEIR layout')
  .option('--cache <file>', 'keep vectors there and take known ones from there')
  .option('--chunk-size <tokens>', 'chunk size', Number, defaultChunkSizes.chunkSizeTokens)
  .option('--json', 'print one JSON object as the last line')
  .parse()
  .opts<{ reading?: string; policies?: string; cache?: string; chunkSize: number; json?: boolean }>();

const workbench = await openWorkbench({
  chunkSizes: { ...defaultChunkSizes, chunkSizeTokens: options.chunkSize },
  vectorCacheFile: options.cache,
});

const squash = (text: string) => text.replaceAll(/\s+/g, ' ').toLowerCase();

async function ask(
  set: string,
  workspace: WorkbenchWorkspace,
  question: string,
  isAnswerable: boolean,
  expected: readonly string[],
  isHeldOut = false,
): Promise<Sample> {
  const result = await search({ db: workbench.db, runtime: workbench.runtime }, workspace.read, {
    query: question,
    config: { candidatesPerLeg: 30, topK: TOP_K },
  });
  const index = result.sources.findIndex((source) =>
    expected.some((answer) => squash(source.text).includes(squash(answer))),
  );
  return {
    set,
    question,
    isAnswerable,
    isHeldOut,
    features: describeSupport(result.evidence),
    score: scoreSupport(result.evidence),
    rank: index === -1 ? null : index + 1,
  };
}

async function askDemo(): Promise<Sample[]> {
  const workspace = await workbench.addWorkspace('demo');
  const files: [string, MediaType][] = [
    ['tarnwick-k40-manual.pdf', 'application/pdf'],
    ['tarnwick-support-and-returns-policy.md', 'text/markdown'],
  ];
  for (const [fileName, mediaType] of files) {
    const pages = await extractBytes(new Uint8Array(readFileSync(path.join(DEMO_DIR, fileName))), mediaType);
    await workbench.addPages(workspace, { fileName, title: fileName.replace(/\.\w+$/, ''), mediaType }, pages);
  }
  const { questions } = questionsSchema.parse(JSON.parse(readFileSync(path.join(DEMO_DIR, 'questions.json'), 'utf8')));
  const samples: Sample[] = [];
  for (const { question, answerable, expected = [] } of questions) {
    samples.push(await ask('demo', workspace, question, answerable, expected));
  }
  return samples;
}

async function askReading(file: string): Promise<Sample[]> {
  const rows = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => readingSchema.parse(JSON.parse(line)));
  const titles = [...new Set(rows.map((row) => row.title))];
  const isIndexed = (title: string) => titles.indexOf(title) % 2 === 0;
  const workspace = await workbench.addWorkspace('reading');
  for (const title of titles.filter(isIndexed)) {
    const contexts = [...new Set(rows.filter((row) => row.title === title).map((row) => row.context))];
    await workbench.addPages(
      workspace,
      { fileName: `${title}.txt`, title: title.replaceAll('_', ' '), mediaType: 'text/plain' },
      contexts.map((text, index) => ({ pageNumber: index + 1, label: null, text, headings: [] })),
    );
  }
  const samples: Sample[] = [];
  for (const isAnswerable of [true, false]) {
    const matching = rows.filter((row) => isIndexed(row.title) === isAnswerable);
    const step = Math.max(1, Math.floor(matching.length / QUESTIONS_PER_READING_CLASS));
    for (const row of matching.filter((_, index) => index % step === 0).slice(0, QUESTIONS_PER_READING_CLASS)) {
      samples.push(await ask('reading', workspace, row.question, isAnswerable, []));
    }
  }
  return samples;
}

/** Policies by turns: indexed and fitted on, not indexed and fitted on, indexed and held out, not indexed and held out. */
async function askPolicies(folder: string): Promise<Sample[]> {
  const { documents: passages, queries, judgements } = readCollection(folder);
  const titleOf = new Map(passages.map((passage) => [passage.id, passage.title]));
  const titles = [...new Set(titleOf.values())];
  const placeOf = (title: string) => titles.indexOf(title) % 4;
  const workspace = await workbench.addWorkspace('policies');
  for (const title of titles.filter((each) => placeOf(each) % 2 === 0)) {
    const own = passages.filter((passage) => passage.title === title && passage.text.trim() !== '');
    await workbench.addPages(
      workspace,
      { fileName: `${title}.txt`, title, mediaType: 'text/plain' },
      own.map(({ text }, index) => ({ pageNumber: index + 1, label: null, text, headings: [] })),
    );
  }
  const samples: Sample[] = [];
  for (const { id, text: question } of queries) {
    const title = titleOf.get([...(judgements.get(id)?.keys() ?? [])][0] ?? '');
    if (title === undefined) continue;
    const place = placeOf(title);
    const isAnswerable = place % 2 === 0;
    samples.push(await ask('policy', workspace, question, isAnswerable, [], place >= 2));
    const named = `According to the policy of ${title}: ${question}`;
    samples.push(await ask('policy named', workspace, named, isAnswerable, [], place >= 2));
  }
  const plain = samples.filter((sample) => sample.set === 'policy');
  const indexed = new Set(plain.filter((sample) => sample.isAnswerable).map((sample) => sample.question));
  const others = plain.filter((sample) => !sample.isAnswerable);
  const alike = others.filter((sample) => indexed.has(sample.question)).length;
  console.log(
    `policies: ${alike} of ${others.length} questions of a policy that is not indexed are asked, word for word, of one that is`,
  );
  return samples;
}

const featureNames = ['similarity', 'coverage', 'missingName', 'focus', 'unknown'] as const;
const toVector = ({ features }: Sample) => [1, ...featureNames.map((name) => features[name])];
const sigmoid = (logit: number) => 1 / (1 + Math.exp(-logit));

/** Logistic regression by gradient descent; each (set, class) has the same weight in all, and weights are kept small. */
function fit(samples: readonly Sample[]): number[] {
  const STEPS = 20_000;
  const RATE = 0.5;
  const RIDGE = 0.002;
  const group = (sample: Sample) => `${sample.set} ${sample.isAnswerable}`;
  const sizes = new Map<string, number>();
  for (const sample of samples) sizes.set(group(sample), (sizes.get(group(sample)) ?? 0) + 1);
  let weights = [0, ...featureNames.map(() => 0)];
  for (let step = 0; step < STEPS; step += 1) {
    const gradient = weights.map((weight, index) => (index === 0 ? 0 : RIDGE * weight));
    for (const sample of samples) {
      const vector = toVector(sample);
      const predicted = sigmoid(vector.reduce((sum, value, index) => sum + value * (weights[index] ?? 0), 0));
      const error = (predicted - (sample.isAnswerable ? 1 : 0)) / ((sizes.get(group(sample)) ?? 1) * sizes.size);
      for (const [index, value] of vector.entries()) gradient[index] = (gradient[index] ?? 0) + error * value;
    }
    weights = weights.map((weight, index) => weight - RATE * (gradient[index] ?? 0));
  }
  return weights;
}

/** Chance that an answerable question scores above an unanswerable one; ties count half. */
function measureAuc(samples: readonly Sample[], score: (sample: Sample) => number): number {
  const answerable = samples.filter((sample) => sample.isAnswerable).map(score);
  const others = samples.filter((sample) => !sample.isAnswerable).map(score);
  let wins = 0;
  for (const a of answerable) for (const b of others) wins += a > b ? 1 : a === b ? 0.5 : 0;
  return wins / (answerable.length * others.length);
}

try {
  const samples = [
    ...(await askDemo()),
    ...(options.reading ? await askReading(options.reading) : []),
    ...(options.policies ? await askPolicies(options.policies) : []),
  ];
  const demo = samples.filter((sample) => sample.set === 'demo' && sample.isAnswerable);
  const hits = (limit: number) => demo.filter((sample) => sample.rank !== null && sample.rank <= limit).length;
  console.log(
    `demo: the answer stands in source 1 for ${hits(1)} of ${demo.length} questions, in sources 1 to ${TOP_K} for ${hits(TOP_K)}`,
  );
  for (const sample of demo.filter((each) => each.rank !== 1)) {
    console.log(`  rank ${sample.rank ?? 'none'}: ${sample.question}`);
  }
  const weights = fit(samples.filter((sample) => !sample.isHeldOut));
  const named = Object.fromEntries(['bias', ...featureNames].map((name, index) => [name, weights[index]]));
  console.log('fitted weights', named);
  const fitted = (sample: Sample) =>
    sigmoid(toVector(sample).reduce((sum, value, index) => sum + value * (weights[index] ?? 0), 0));
  for (const set of new Set(samples.map((sample) => sample.set))) {
    const ofSet = samples.filter((sample) => sample.set === set);
    const heldOut = ofSet.filter((sample) => sample.isHeldOut);
    const own = heldOut.length > 0 ? heldOut : ofSet;
    console.log(
      `${set}${heldOut.length > 0 ? ', held out' : ''} (${own.length} questions): AUC ${measureAuc(own, (sample) => sample.score).toFixed(3)} in use, ${measureAuc(own, fitted).toFixed(3)} fitted, ${measureAuc(own, (sample) => sample.features.similarity).toFixed(3)} similarity alone, ${measureAuc(own, (sample) => sample.features.coverage).toFixed(3)} coverage alone`,
    );
    const share = (isAnswerable: boolean, score: (sample: Sample) => number, threshold: number) => {
      const asked = own.filter((sample) => sample.isAnswerable === isAnswerable);
      return asked.filter((sample) => score(sample) < threshold).length / asked.length;
    };
    console.table(
      [0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6].map((threshold) => ({
        threshold,
        'refused wrongly, in use': share(true, (sample) => sample.score, threshold).toFixed(2),
        'refused rightly, in use': share(false, (sample) => sample.score, threshold).toFixed(2),
        'refused wrongly, fitted': share(true, fitted, threshold).toFixed(2),
        'refused rightly, fitted': share(false, fitted, threshold).toFixed(2),
      })),
    );
  }
  if (options.json) console.log(JSON.stringify({ weights: named, samples }));
} finally {
  await workbench.close();
}
