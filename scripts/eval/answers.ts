/**
 * Measures answers of the product's own pipeline (`answerQuestion`) on questions with known short answers.
 *
 *   node scripts/eval/answers.ts --dataset passages-qa.jsonl --questions 50 --set promptVersion=grounded-1 --set promptPassages=2
 *
 * The dataset has one JSON object a line: `question`, `answers`, `document`, `context`, `title`. Every distinct context is a
 * passage; search is dense and lexical, fused, over all of them, in memory. `--gold` puts the right passage first, which takes
 * the search out of the measurement. `--unanswerable N` asks N questions whose article has been taken out: all should be refused.
 */
import { readFile } from 'node:fs/promises';
import { Command } from 'commander';
import { z } from 'zod';
import { authorize } from '#lib/auth/authorize.ts';
import { type AnswerDeps, answerQuestion } from '#lib/chat/answer-question.ts';
import { findWords, isContentWord, stemWord } from '#lib/chat/words.ts';
import { describeDataDir } from '#lib/config/data-dir.ts';
import { loadEnv } from '#lib/config/env.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { type AnswerConfig, answerConfigSchema } from '#lib/domain/answer-config.ts';
import type { AnswerKind, Citation, Source, UnsupportedSpan } from '#lib/domain/chat.ts';
import { createRuntimeClient } from '#lib/runtime/client.ts';

const rowSchema = z.object({
  question: z.string(),
  answers: z.array(z.string()),
  document: z.string(),
  context: z.string(),
  title: z.string(),
});
type Row = z.infer<typeof rowSchema>;

interface Passage {
  readonly id: string;
  readonly title: string;
  readonly text: string;
}

const RRF_K = 60;

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

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);

class MemoryIndex {
  readonly #passages: readonly Passage[];
  readonly #vectors: readonly Float32Array[];
  readonly #terms: readonly ReadonlyMap<string, number>[];
  readonly #frequency = new Map<string, number>();

  constructor(passages: readonly Passage[], vectors: readonly Float32Array[]) {
    this.#passages = passages;
    this.#vectors = vectors;
    this.#terms = passages.map((passage) => {
      const counts = new Map<string, number>();
      for (const word of findWords(`${passage.title}\n${passage.text}`)) {
        const stem = stemWord(word.key);
        if (isContentWord(word.key)) counts.set(stem, (counts.get(stem) ?? 0) + 1);
      }
      for (const stem of counts.keys()) this.#frequency.set(stem, (this.#frequency.get(stem) ?? 0) + 1);
      return counts;
    });
  }

  search(
    query: string,
    vector: Float32Array,
    without: ReadonlySet<string>,
  ): { passage: Passage; score: number; similarity: number }[] {
    const stems = [
      ...new Set(
        findWords(query)
          .filter((word) => isContentWord(word.key))
          .map((word) => stemWord(word.key)),
      ),
    ];
    const count = this.#passages.length;
    const averageLength = this.#terms.reduce((sum, terms) => sum + terms.size, 0) / Math.max(1, count);
    const scored = this.#passages.map((passage, index) => {
      const terms = this.#terms[index] ?? new Map<string, number>();
      let bm25 = 0;
      for (const stem of stems) {
        const tf = terms.get(stem) ?? 0;
        const df = this.#frequency.get(stem) ?? 0;
        if (tf > 0)
          bm25 +=
            Math.log(1 + (count - df + 0.5) / (df + 0.5)) *
            ((tf * 2.2) / (tf + 1.2 * (0.25 + (0.75 * terms.size) / averageLength)));
      }
      return { passage, bm25, similarity: dot(vector, this.#vectors[index] ?? new Float32Array()) };
    });
    const eligible = scored.filter(({ passage }) => !without.has(passage.title));
    const fused = new Map<(typeof eligible)[number], number>();
    for (const ranking of [
      eligible.toSorted((a, b) => b.bm25 - a.bm25),
      eligible.toSorted((a, b) => b.similarity - a.similarity),
    ]) {
      for (const [rank, hit] of ranking.slice(0, 30).entries())
        fused.set(hit, (fused.get(hit) ?? 0) + 1 / (RRF_K + rank + 1));
    }
    return [...fused]
      .map(([{ passage, similarity }, score]) => ({ passage, score, similarity }))
      .sort((a, b) => b.score - a.score);
  }
}

function toSource(hit: { passage: Passage; score: number; similarity: number }): Omit<Source, 'number'> {
  const { passage, score, similarity } = hit;
  return {
    documentId: passage.id,
    versionId: passage.id,
    chunkId: passage.id,
    documentTitle: passage.title,
    pageNumber: 1,
    startOffset: 0,
    endOffset: passage.text.length,
    headings: [],
    text: passage.text,
    score,
    similarity,
  };
}

interface Outcome {
  readonly text: string;
  readonly kind: AnswerKind;
  readonly citations: readonly Citation[];
  readonly unsupported: readonly UnsupportedSpan[];
  readonly sources: readonly Source[];
  readonly seconds: number;
  readonly firstTextMs: number | null;
}

async function ask(
  deps: AnswerDeps,
  access: Authorized<'chat.use'>,
  question: string,
  config: AnswerConfig,
): Promise<Outcome> {
  const startedAt = performance.now();
  let outcome: Omit<Outcome, 'seconds' | 'firstTextMs' | 'sources'> = {
    text: '',
    kind: 'refusal',
    citations: [],
    unsupported: [],
  };
  let sources: readonly Source[] = [];
  let firstTextMs: number | null = null;
  const input = {
    question,
    history: [],
    model: 'base',
    config,
    answerConfigId: 'eval',
    instructions: '',
    priority: 'evaluation' as const,
  };
  for await (const event of answerQuestion(deps, access, input)) {
    if (event.type === 'source-list') sources = event.sources;
    if (event.type === 'answer-final') {
      outcome = {
        text: event.text,
        kind: event.answerKind,
        citations: event.citations,
        unsupported: event.unsupportedSpans,
      };
    }
    if (event.type === 'turn-finish') firstTextMs = event.provenance.timingsMs.firstText;
  }
  return { ...outcome, sources, firstTextMs, seconds: (performance.now() - startedAt) / 1000 };
}

const mean = (values: readonly number[]) =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

function collectSetting(pair: string, settings: Record<string, string>): Record<string, string> {
  const at = pair.indexOf('=');
  if (at < 1) throw new Error(`--set takes name=value, got ${pair}`);
  return { ...settings, [pair.slice(0, at)]: pair.slice(at + 1) };
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
  .option('--unanswerable <n>', 'questions whose article is taken out', Number, 0)
  .option('--seed <n>', 'of the draw', Number, 7)
  .option('--gold', 'the right passage first, then what the search finds', false)
  .option('--set <name=value>', 'answer configuration; repeat', collectSetting, {})
  .option('--show', 'print every answer', false)
  .option('--json', 'print the numbers as one JSON object last', false)
  .parse()
  .opts<{
    dataset: string;
    questions: number;
    unanswerable: number;
    seed: number;
    gold: boolean;
    set: Record<string, string>;
    show: boolean;
    json: boolean;
  }>();

const env = loadEnv();
const runtime = createRuntimeClient(
  env.runtimeUrl === undefined
    ? { socketPath: describeDataDir(env.dataDir).runtimeSocket }
    : { url: env.runtimeUrl, token: env.runtimeToken },
);
const config = readConfig(options.set);
const rows = (await readFile(options.dataset, 'utf8'))
  .split('\n')
  .filter((line) => line.trim() !== '')
  .map((line) => rowSchema.parse(JSON.parse(line)));
const passages = [
  ...new Map(
    rows.map((row) => [row.document, { id: row.document, title: row.title.replaceAll('_', ' '), text: row.context }]),
  ).values(),
];
const vectors = await runtime.embedTexts(
  passages.map(({ title, text }) => `${title}\n${text}`),
  { priority: 'evaluation' },
);
const index = new MemoryIndex(passages, vectors);
const picked = shuffle(rows, options.seed);
const noMembers = { memberships: { findRole: () => Promise.resolve(null) } };
const access = await authorize(noMembers, { kind: 'system', reason: 'evaluation' }, 'eval', 'chat.use');

function createDeps(row: Row, without: ReadonlySet<string>): AnswerDeps {
  return {
    runtime,
    search: async (_access, { query }) => {
      const [vector = new Float32Array()] = await runtime.embedTexts([query], {
        purpose: 'query',
        priority: 'evaluation',
      });
      const hits = index.search(query, vector, without);
      const gold = hits.find(({ passage }) => passage.id === row.document);
      const ordered = options.gold && gold !== undefined ? [gold, ...hits.filter((hit) => hit !== gold)] : hits;
      return {
        sources: ordered.slice(0, config.topK).map(toSource),
        supportScore: Math.max(0, ...hits.slice(0, config.topK).map(({ similarity }) => similarity)),
        indexConfigId: 'eval',
        embeddingModel: 'eval',
      };
    },
  };
}

const answered: (Outcome & { readonly row: Row; readonly own: string })[] = [];
for (const row of picked.slice(0, options.questions)) {
  const outcome = await ask(createDeps(row, new Set()), access, row.question, config);
  // The verbatim quote under an answer counts separately: it is not what the model said.
  const own = outcome.kind === 'refusal' ? '' : (outcome.text.split('\n\n> ')[0] ?? '');
  answered.push({ ...outcome, row, own });
  if (options.show)
    console.log(`${outcome.kind} | ${row.question} | gold: ${row.answers[0]} | ${outcome.text.replaceAll('\n', ' ')}`);
}
let refused = 0;
for (const row of picked.slice(options.questions, options.questions + options.unanswerable)) {
  const outcome = await ask(createDeps(row, new Set([row.title.replaceAll('_', ' ')])), access, row.question, config);
  if (outcome.kind === 'refusal') refused += 1;
}
await runtime.close();

const contains = (text: string, row: Row) => row.answers.some((gold) => normalise(text).includes(normalise(gold)));
const generated = answered.filter(({ kind }) => kind === 'generated');
const facts = generated.map(({ unsupported }) => unsupported.filter(({ kind }) => kind !== 'sentence').length > 0);
const round = (value: number, digits = 2) => Number(value.toFixed(digits));
const result = {
  settings: options.set,
  questions: answered.length,
  goldInSources: round(
    mean(answered.map(({ sources, row }) => (sources.some(({ documentId }) => documentId === row.document) ? 1 : 0))),
  ),
  containment: round(mean(answered.map(({ own, row }) => (contains(own, row) ? 1 : 0)))),
  containmentShown: round(
    mean(
      answered.map(({ text, row, citations }) =>
        contains([text, ...citations.map((c) => c.quote)].join('\n'), row) ? 1 : 0,
      ),
    ),
  ),
  tokenF1: round(
    mean(answered.map(({ own, row }) => Math.max(...row.answers.map((gold) => measureTokenF1(own, gold))))),
  ),
  citedAnswers: round(mean(generated.map(({ citations }) => (citations.length > 0 ? 1 : 0)))),
  citedGold: round(
    mean(
      generated.map(({ citations, sources, row }) =>
        citations.some((c) => sources.find((s) => s.number === c.sourceNumber)?.documentId === row.document) ? 1 : 0,
      ),
    ),
  ),
  markedFacts: round(mean(facts.map(Number))),
  wrongUnmarked: round(
    mean(generated.map(({ own, row, unsupported }) => (!contains(own, row) && unsupported.length === 0 ? 1 : 0))),
  ),
  words: round(
    mean(answered.filter(({ kind }) => kind !== 'refusal').map(({ own }) => own.split(/\s+/).filter(Boolean).length)),
    1,
  ),
  seconds: round(mean(answered.map(({ seconds }) => seconds)), 1),
  firstTextSeconds: round(
    mean(answered.flatMap(({ firstTextMs }) => (firstTextMs === null ? [] : [firstTextMs / 1000]))),
    1,
  ),
  falseRefusals: round(mean(answered.map(({ kind }) => (kind === 'refusal' ? 1 : 0)))),
  refusedUnanswerable: options.unanswerable === 0 ? null : round(refused / options.unanswerable),
};
console.table([
  {
    ...result,
    settings: Object.entries(options.set)
      .map(([name, value]) => `${name}=${value}`)
      .join(' '),
  },
]);
if (options.json) console.log(JSON.stringify(result));
