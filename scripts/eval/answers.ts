/**
 * Measures answers of the product's own pipeline (search and `answerQuestion`) on questions with known short answers.
 *
 *   node scripts/eval/answers.ts --dataset passages-qa.jsonl --questions 50 --set promptVersion=grounded-1 --set promptPassages=2
 *
 * The dataset has one JSON object a line: `question`, `answers`, `document`, `context`, `title`. Rows of one title are a
 * document, each distinct context is a page of it, indexed in a throw-away database. The base model is that of a running
 * inference server (RUNTIME_URL, or the data directory's own). `--gold` puts the right page first, which takes the search out
 * of the measurement. `--vary name=a,b` measures one row each; the model is asked only once where its prompt is the same, so
 * times are of the first row. `--adapter` asks the base with an adapter. `--unanswerable` takes the page away that answers, and
 * every other that holds the answer, and measures how often the model itself refuses: the score of the search, whose refusals
 * scripts/eval-support.ts measures, is then set to certain. Intervals hold the mean of such questions 95 times in 100.
 */
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { z } from 'zod';
import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import type { AnswerDeps } from '#lib/chat/answer-question.ts';
import { describeDataDir } from '#lib/config/data-dir.ts';
import { loadEnv } from '#lib/config/env.ts';
import { type AnswerConfig, answerConfigSchema } from '#lib/domain/answer-config.ts';
import type { Source } from '#lib/domain/chat.ts';
import { estimateMean } from '#lib/evaluation/statistics.ts';
import { createArtifactStore } from '#lib/registry/artifact-store.ts';
import { search } from '#lib/retrieval/search.ts';
import { createRuntimeClient } from '#lib/runtime/client.ts';
import type { ChatChunk, RuntimeClient } from '#lib/runtime/runtime-port.ts';
import { askQuestion, type Outcome } from './ask-question.ts';
import { openWorkbench } from './open-workbench.ts';

const rowSchema = z.object({
  question: z.string(),
  answers: z.array(z.string()),
  document: z.string(),
  context: z.string(),
  title: z.string(),
});
type Row = z.infer<typeof rowSchema>;

/** The normalisation of the SQuAD scorer: case, punctuation and articles do not count. */
function normalise(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} ]/gu, ' ')
    .replaceAll(/\b(?:a|an|the)\b/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

function measureTokenF1(answer: string, gold: string): number {
  const left = normalise(gold).split(' ');
  const goldCount = left.length;
  const given = normalise(answer).split(' ').filter(Boolean);
  let shared = 0;
  for (const word of given) {
    const at = left.indexOf(word);
    if (at === -1) continue;
    shared += 1;
    left.splice(at, 1);
  }
  return shared === 0 ? 0 : (2 * shared) / (given.length + goldCount);
}

/** Deterministic shuffle (linear congruential generator, Numerical Recipes constants). */
function shuffle<T>(items: readonly T[], seed: number): T[] {
  let state = seed >>> 0;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return items
    .map((item) => ({ item, order: next() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item);
}

const mean = (values: readonly number[]) =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

function collectSetting(pair: string, settings: Record<string, string>): Record<string, string> {
  const at = pair.indexOf('=');
  if (at < 1) throw new Error(`--set takes name=value, got ${pair}`);
  return { ...settings, [pair.slice(0, at)]: pair.slice(at + 1) };
}

/** @returns the settings of each row of the table */
function listSettings(fixed: Readonly<Record<string, string>>, vary: string | undefined): Record<string, string>[] {
  if (vary === undefined) return [fixed];
  const at = vary.indexOf('=');
  if (at < 1) throw new Error(`--vary takes name=value,value, got ${vary}`);
  const name = vary.slice(0, at);
  return vary
    .slice(at + 1)
    .split(',')
    .map((value) => ({ ...fixed, [name]: value }));
}

/** The same request to a greedy model has the same answer: replayed, it costs nothing. */
function remember(runtime: RuntimeClient): RuntimeClient['streamChat'] {
  const answers = new Map<string, readonly ChatChunk[]>();
  return async function* streamChat(request, call) {
    const key = JSON.stringify(request);
    const known = answers.get(key);
    if (known !== undefined) {
      yield* known;
      return;
    }
    const chunks: ChatChunk[] = [];
    for await (const chunk of runtime.streamChat(request, call)) {
      chunks.push(chunk);
      yield chunk;
    }
    if (request.temperature === 0) answers.set(key, chunks);
  };
}

function readConfig(settings: Readonly<Record<string, string>>): AnswerConfig {
  const values = Object.entries(settings).map(([name, value]) => [
    name,
    Number.isNaN(Number(value)) ? value : Number(value),
  ]);
  return answerConfigSchema.strict().parse(Object.fromEntries(values));
}

const options = new Command('answers')
  .description('Measure answers on questions with known short answers.')
  .requiredOption('--dataset <file>', 'JSON lines with question, answers, document, context, title')
  .option('--questions <n>', 'how many, drawn with the seed', Number, 50)
  .option('--seed <n>', 'of the draw', Number, 7)
  .option('--gold', 'the right page first, then what the search finds', false)
  .option('--unanswerable', 'no page that answers is found', false)
  .option('--adapter <file>', 'GGUF adapter over the base')
  .option('--set <name=value>', 'answer configuration; repeat', collectSetting, {})
  .option('--vary <name=a,b>', 'a row of the table for each value')
  .option('--show', 'print every answer', false)
  .option('--json', 'print the rows as one JSON object last', false)
  .parse()
  .opts<{
    dataset: string;
    questions: number;
    seed: number;
    gold: boolean;
    unanswerable: boolean;
    adapter?: string;
    set: Record<string, string>;
    vary?: string;
    show: boolean;
    json: boolean;
  }>();

const env = loadEnv();
const runtime = createRuntimeClient(
  env.runtimeUrl === undefined
    ? { socketPath: describeDataDir(env.dataDir).runtimeSocket }
    : { url: env.runtimeUrl, token: env.runtimeToken },
);

/** The runtime serves adapters from its own directory only, under the hash of their bytes. */
async function serveAdapter(file: string | undefined): Promise<string> {
  if (file === undefined) return 'base';
  const store = createArtifactStore(describeDataDir(env.dataDir).adaptersDir);
  const { sha256 } = await store.add(file);
  await runtime.loadAdapter({ sha256, filePath: store.locate(sha256) });
  return sha256;
}
const model = await serveAdapter(options.adapter);
const variants = listSettings(options.set, options.vary).map((settings) => ({
  settings,
  config: readConfig(settings),
}));
const rows = (await readFile(options.dataset, 'utf8'))
  .split('\n')
  .filter((line) => line.trim() !== '')
  .map((line) => rowSchema.parse(JSON.parse(line)));
const picked = shuffle(rows, options.seed).slice(0, options.questions);

/** Pages of each document, by title. */
const pagesByTitle = new Map<string, string[]>();
for (const { title, context } of rows) {
  const pages = pagesByTitle.get(title) ?? [];
  if (!pages.includes(context)) pages.push(context);
  pagesByTitle.set(title, pages);
}
const pageOf = (row: Row) => (pagesByTitle.get(row.title)?.indexOf(row.context) ?? -1) + 1;
const readTitle = (title: string) => title.replaceAll('_', ' ');

const workbench = await openWorkbench();
const workspace = await workbench.addWorkspace('evaluation');
for (const [title, pages] of pagesByTitle) {
  await workbench.addPages(
    workspace,
    { fileName: `${title}.txt`, title: readTitle(title), mediaType: 'text/plain' },
    pages.map((text, index) => ({ pageNumber: index + 1, label: null, text, headings: [] })),
  );
}
const access = await authorizeSystem('evaluation', workspace.id, 'chat.use');
const streamChat = remember(runtime);

/** Whether a source is from the page that holds the answer. */
const isGold = (row: Row, source: Pick<Source, 'documentTitle' | 'pageNumber'> | undefined) =>
  source !== undefined && source.documentTitle === readTitle(row.title) && source.pageNumber === pageOf(row);

function writeGoldSource(row: Row): Omit<Source, 'number'> {
  return {
    documentId: row.document,
    versionId: row.document,
    chunkId: row.document,
    documentTitle: readTitle(row.title),
    pageNumber: pageOf(row),
    startOffset: 0,
    endOffset: row.context.length,
    headings: [],
    text: row.context,
    score: 1,
    similarity: null,
  };
}

function createDeps(row: Row): AnswerDeps {
  return {
    runtime: { ...runtime, streamChat },
    search: async (_access, { query, config }) => {
      const found = await search({ db: workbench.db, runtime: workbench.runtime }, access, { query, config });
      if (options.unanswerable) {
        const sources = found.sources.filter((source) => !isGold(row, source) && !contains(source.text, row));
        return { ...found, sources: sources.slice(0, config.topK), supportScore: 1 };
      }
      if (!options.gold) return found;
      const others = found.sources.filter((source) => !isGold(row, source));
      return { ...found, sources: [writeGoldSource(row), ...others].slice(0, config.topK), supportScore: 1 };
    },
  };
}

interface Answered extends Outcome {
  readonly row: Row;
  /** Without the verbatim quotation under it: that is not what the model said. */
  readonly own: string;
  /** Everything that the reader sees, quotations included. */
  readonly shown: string;
}

async function askAll(config: AnswerConfig): Promise<Answered[]> {
  const answered: Answered[] = [];
  for (const row of picked) {
    const outcome = await askQuestion(createDeps(row), access, row.question, model, config);
    const own = outcome.kind === 'refusal' ? '' : (outcome.text.split('\n\n> ')[0] ?? '');
    const shown = [outcome.text, ...outcome.citations.map((citation) => citation.quote)].join('\n');
    answered.push({ ...outcome, row, own, shown });
    if (options.show)
      console.log(
        `${outcome.kind} | ${row.question} | gold: ${row.answers[0]} | ${outcome.text.replaceAll('\n', ' ')}`,
      );
  }
  return answered;
}

const contains = (text: string, row: Row) => row.answers.some((gold) => normalise(text).includes(normalise(gold)));
const round = (value: number, digits = 2) => Number(value.toFixed(digits));
const share = <T>(items: readonly T[], holds: (item: T) => boolean) =>
  round(mean(items.map((item) => Number(holds(item)))));
/** 95 % interval of a mean of values between 0 and 1. */
function describeInterval(values: readonly number[]): string {
  const { low, high } = estimateMean(
    values.map((value) => ({ value, weight: 1 })),
    { low: 0, high: 1 },
    0.05,
  );
  return `${round(low)}–${round(high)}`;
}
const rateAll = (answered: readonly Answered[], holds: (one: Answered) => boolean) =>
  describeInterval(answered.map((one) => Number(holds(one))));
const scoreF1 = ({ own, row }: Answered) => Math.max(...row.answers.map((gold) => measureTokenF1(own, gold)));

function summarise(answered: readonly Answered[]) {
  const generated = answered.filter(({ kind }) => kind === 'generated');
  return {
    questions: answered.length,
    goldInSources: share(answered, ({ sources, row }) => sources.some((source) => isGold(row, source))),
    /** In the answer above the quotation, be it the model's or extracted. */
    containment: share(answered, ({ own, row }) => contains(own, row)),
    /** The same where the model wrote it. */
    containmentGenerated: share(answered, ({ kind, own, row }) => kind === 'generated' && contains(own, row)),
    containmentShown: share(answered, ({ shown, row }) => contains(shown, row)),
    /** The gold answer is nowhere in what the reader sees, and nothing is marked. */
    silent: share(
      answered,
      ({ kind, shown, row, unsupported }) => kind !== 'refusal' && !contains(shown, row) && unsupported.length === 0,
    ),
    containmentInterval: rateAll(answered, ({ own, row }) => contains(own, row)),
    tokenF1: round(mean(answered.map(scoreF1))),
    tokenF1Interval: describeInterval(answered.map(scoreF1)),
    extracted: share(answered, ({ kind }) => kind === 'extractive'),
    quoted: share(generated, ({ text }) => text.includes('\n\n> ')),
    citedAnswers: share(generated, ({ citations }) => citations.length > 0),
    citedInterval: rateAll(generated, ({ citations }) => citations.length > 0),
    citedGold: share(generated, ({ citations, sources, row }) =>
      citations.some((citation) =>
        isGold(
          row,
          sources.find(({ number }) => number === citation.sourceNumber),
        ),
      ),
    ),
    markedFacts: share(generated, ({ unsupported }) => unsupported.some(({ kind }) => kind !== 'sentence')),
    words: round(
      mean(answered.filter(({ kind }) => kind !== 'refusal').map(({ own }) => own.split(/\s+/).filter(Boolean).length)),
      1,
    ),
    seconds: round(mean(answered.map(({ seconds }) => seconds)), 1),
    firstTextSeconds: round(
      mean(answered.flatMap(({ firstTextMs }) => (firstTextMs === null ? [] : [firstTextMs / 1000]))),
      1,
    ),
    /** False ones, unless no page could answer. */
    refusals: share(answered, ({ kind }) => kind === 'refusal'),
    refusalsInterval: rateAll(answered, ({ kind }) => kind === 'refusal'),
  };
}

const rowsOfTable: (ReturnType<typeof summarise> & { readonly settings: string })[] = [];
for (const { settings, config } of variants) {
  const answered = await askAll(config);
  const text = Object.entries(settings)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
  rowsOfTable.push({ settings: text, ...summarise(answered) });
}
await runtime.close();
await workbench.close();
console.table(rowsOfTable);
if (options.json) console.log(JSON.stringify({ rows: rowsOfTable }));
