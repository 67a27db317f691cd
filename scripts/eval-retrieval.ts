/**
 * How well search ranks, on a public collection in BEIR's layout (corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv):
 *
 *   npm run eval:retrieval -- --dataset FOLDER [--split NAME] [--json] [--documents N] [--limit QUERIES] [--cache FILE]
 *
 * Indexes the collection with the product's own stages and the real embedding model into a throw-away embedded database, asks
 * every judged query, and prints nDCG@10, recall@5, recall@10 and MRR@10 of each leg, of their fusion and, where RERANK_URL names a
 * reranker, of its order, each with the 95 % interval of a bootstrap over queries; then what other weights of fusion would give, the
 * rate of indexing beside the bare rate of the embedding model, and what a query takes.
 */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { Command } from 'commander';
import PQueue from 'p-queue';
import { listChunksByIds } from '#db/repositories/chunks.ts';
import { listDocuments } from '#db/repositories/documents.ts';
import { loadEnv } from '#lib/config/env.ts';
import { bootstrapMean } from '#lib/evaluation/statistics.ts';
import { defaultChunkSizes } from '#lib/ingestion/ingest-version.ts';
import { findJobDefinition } from '#lib/jobs/job-definitions.ts';
import { fuseRankings } from '#lib/retrieval/fuse-rankings.ts';
import { measureNdcg, measureRecall, measureReciprocalRank } from '#lib/retrieval/ranking-metrics.ts';
import { createReranker } from '#lib/retrieval/reranker.ts';
import { search } from '#lib/retrieval/search.ts';
import { openWorkbench } from './eval/open-workbench.ts';
import { type CollectionText, readCollection } from './eval/read-collection.ts';

const CANDIDATES = 100;
const INTERVAL_ERROR = 0.05;
/** Enough for a rate, few enough to be embedded twice. */
const RATE_DOCUMENTS = 120;
const WEIGHTS = [0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4];
const FUSION_KS = [10, 60];

const options = new Command('eval:retrieval')
  .requiredOption('--dataset <folder>', 'collection in BEIR layout')
  .option('--split <name>', 'judgements to use: the name of a file in qrels; default test, else dev, else train')
  .option('--documents <count>', 'index the judged documents and this many others', Number, Number.POSITIVE_INFINITY)
  .option('--limit <queries>', 'ask only the first queries', Number, Number.POSITIVE_INFINITY)
  .option('--chunk-size <tokens>', 'chunk size', Number, defaultChunkSizes.chunkSizeTokens)
  .option('--cache <file>', 'keep vectors there and take known ones from there')
  .option('--json', 'print one JSON object as the last line')
  .parse()
  .opts<{
    dataset: string;
    split?: string;
    documents: number;
    limit: number;
    chunkSize: number;
    cache?: string;
    json?: boolean;
  }>();

const collection = readCollection(options.dataset, options.split);
const { judgements } = collection;
const judged = new Set([...judgements.values()].flatMap((grades) => [...grades.keys()]));

const hashId = (id: string) => createHash('sha256').update(id).digest('hex');

/** Judged documents first, the others in an order that is the same everywhere. */
function chooseDocuments(): readonly CollectionText[] {
  const rows = collection.documents;
  if (options.documents === Number.POSITIVE_INFINITY) return rows;
  const others = rows
    .filter((row) => !judged.has(row.id))
    .map((row) => ({ row, key: hashId(row.id) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ row }) => row);
  return [...rows.filter((row) => judged.has(row.id)), ...others.slice(0, options.documents)];
}

const metrics = {
  'ndcg@10': (ranking: readonly string[], grades: ReadonlyMap<string, number>) => measureNdcg(ranking, grades, 10),
  'recall@5': (ranking: readonly string[], grades: ReadonlyMap<string, number>) => measureRecall(ranking, grades, 5),
  'recall@10': (ranking: readonly string[], grades: ReadonlyMap<string, number>) => measureRecall(ranking, grades, 10),
  'mrr@10': (ranking: readonly string[], grades: ReadonlyMap<string, number>) =>
    measureReciprocalRank(ranking, grades, 10),
} as const;
type Metric = keyof typeof metrics;
const metricNames = ['ndcg@10', 'recall@5', 'recall@10', 'mrr@10'] as const satisfies readonly Metric[];

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const round = (value: number) => Number(value.toFixed(4));
const interval = (values: readonly number[]) => {
  const { low, high } = bootstrapMean(
    values.map((value) => ({ value, weight: 1 })),
    INTERVAL_ERROR,
  );
  return [round(low), round(high)] as const;
};
function describeLeg(rankings: readonly { readonly ranking: readonly string[]; readonly query: string }[]) {
  return Object.fromEntries(
    metricNames.flatMap((name): [string, number | readonly [number, number]][] => {
      const values = rankings.map(({ ranking, query }) => metrics[name](ranking, judgements.get(query) ?? new Map()));
      return [
        [name, round(mean(values))],
        [`${name} interval`, interval(values)],
      ];
    }),
  );
}
const percentile = (values: readonly number[], share: number) => {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
};

const { rerank } = loadEnv();
const reranker = rerank === undefined ? undefined : createReranker(rerank);
const workbench = await openWorkbench({
  chunkSizes: { ...defaultChunkSizes, chunkSizeTokens: options.chunkSize },
  vectorCacheFile: options.cache,
});
try {
  const documents = chooseDocuments();
  // As many at once as a worker works on.
  const { concurrency } = findJobDefinition('document.ingest');
  const addDocuments = async (
    workspace: Parameters<typeof workbench.addFile>[0],
    rows: readonly CollectionText[],
    onAdded?: (count: number) => void,
  ) => {
    const queue = new PQueue({ concurrency });
    let added = 0;
    const add = async (row: CollectionText) => {
      const mediaType = row.id.endsWith('.md') ? 'text/markdown' : 'text/plain';
      const document = { fileName: row.id, title: row.title, mediaType };
      await workbench.addFile(workspace, document, new TextEncoder().encode(row.text));
      added += 1;
      onAdded?.(added);
    };
    // One without words cannot be found, and the product refuses it.
    await queue.addAll(rows.filter(({ text }) => text.trim() !== '').map((row) => () => add(row)));
  };

  const rate = await workbench.measureRate((workspace) => addDocuments(workspace, documents.slice(0, RATE_DOCUMENTS)));
  console.log(
    `indexing ${rate.chunksPerSecond} chunks/s, the bare model ${rate.bareChunksPerSecond} chunks/s: ${Math.round(rate.share * 100)} % of it by the clock, ${Math.round(rate.cpuShare * 100)} % by CPU time (${rate.chunks} chunks)`,
  );

  const workspace = await workbench.addWorkspace('evaluation');
  await addDocuments(workspace, documents, (count) => {
    if (count % 100 === 0) console.log(`indexed ${count} of ${documents.length} documents`);
  });
  const names = new Map(
    (await listDocuments(workbench.db, workspace.read)).map(({ document }) => [document.id, document.fileName]),
  );
  const asked: {
    query: string;
    lexical: string[];
    dense: string[];
    fused: string[];
    reranked: string[] | null;
    chunks: { lexical: readonly string[]; dense: readonly string[] };
    documentOf: ReadonlyMap<string, string>;
  }[] = [];
  const searchMs: number[] = [];
  const searchCpuMs: number[] = [];
  for (const query of collection.queries.slice(0, options.limit)) {
    const cpuBefore = process.cpuUsage();
    const result = await search({ db: workbench.db, runtime: workbench.runtime, reranker }, workspace.read, {
      query: query.text,
      config: { candidatesPerLeg: CANDIDATES, topK: 10, rerankCandidates: reranker ? 20 : 0 },
    });
    const cpu = process.cpuUsage(cpuBefore);
    searchMs.push(result.timingsMs.total);
    searchCpuMs.push((cpu.user + cpu.system) / 1000);
    const { lexical, dense, fused, reranked } = result.legs;
    const documentOf = new Map(
      (await listChunksByIds(workbench.db, workspace.read, [...new Set([...lexical, ...dense, ...fused])])).map(
        (chunk) => [chunk.id, names.get(chunk.documentId) ?? ''],
      ),
    );
    // A document ranks where its best chunk does.
    const rank = (ids: readonly string[]) => [...new Set(ids.map((id) => documentOf.get(id) ?? ''))];
    asked.push({
      query: query.id,
      lexical: rank(lexical),
      dense: rank(dense),
      fused: rank(fused),
      reranked: reranked && rank(reranked),
      chunks: { lexical, dense },
      documentOf,
    });
  }
  const legs = {
    lexical: describeLeg(asked.map(({ query, lexical }) => ({ query, ranking: lexical }))),
    dense: describeLeg(asked.map(({ query, dense }) => ({ query, ranking: dense }))),
    fused: describeLeg(asked.map(({ query, fused }) => ({ query, ranking: fused }))),
    'fused+rerank': asked.every(({ reranked }) => reranked !== null)
      ? describeLeg(asked.map(({ query, reranked }) => ({ query, ranking: reranked ?? [] })))
      : null,
  };
  const ndcgOf = (query: string, ranking: readonly string[]) =>
    metrics['ndcg@10'](ranking, judgements.get(query) ?? new Map());
  const fusions = FUSION_KS.flatMap((k) =>
    WEIGHTS.map((lexicalWeight) => {
      const values = asked.map(({ query, chunks, documentOf }) => {
        const fused = fuseRankings(
          [{ ids: chunks.lexical, weight: lexicalWeight }, { ids: chunks.dense }],
          2 * CANDIDATES,
          k,
        );
        return ndcgOf(query, [...new Set(fused.map(({ id }) => documentOf.get(id) ?? ''))]);
      });
      return { k, lexicalWeight, 'ndcg@10': round(mean(values)) };
    }),
  );
  const better =
    mean(asked.map(({ query, lexical }) => ndcgOf(query, lexical))) >
    mean(asked.map(({ query, dense }) => ndcgOf(query, dense)))
      ? 'lexical'
      : ('dense' as const);
  const gains = asked.map((each) => ndcgOf(each.query, each.fused) - ndcgOf(each.query, each[better]));
  const report = {
    ...legs,
    collection: path.basename(options.dataset),
    documents: documents.length,
    emptyDocuments: collection.emptyDocuments,
    queries: asked.length,
    gain: { over: better, 'ndcg@10': round(mean(gains)), interval: interval(gains) },
    fusions,
    indexing: rate,
    query: {
      p50Ms: percentile(searchMs, 0.5),
      p95Ms: percentile(searchMs, 0.95),
      cpuP50Ms: percentile(searchCpuMs, 0.5),
      cpuP95Ms: percentile(searchCpuMs, 0.95),
    },
  };
  console.log(`${report.documents} documents, ${report.queries} queries`);
  console.table(
    Object.fromEntries(
      Object.entries(legs).map(([leg, values]) => [
        leg,
        values === null
          ? { 'ndcg@10': 'no reranker is set' }
          : Object.fromEntries(
              metricNames.map((name) => [name, `${String(values[name])} [${String(values[`${name} interval`])}]`]),
            ),
      ]),
    ),
  );
  console.log(
    `fused against ${better}: nDCG@10 ${report.gain['ndcg@10'] >= 0 ? '+' : ''}${report.gain['ndcg@10']} [${report.gain.interval.join(', ')}]`,
  );
  console.table(fusions);
  console.log(
    `a query takes ${report.query.p50Ms} ms (median), ${report.query.p95Ms} ms (p95); CPU ${report.query.cpuP50Ms} and ${report.query.cpuP95Ms} ms`,
  );
  if (options.json) console.log(JSON.stringify(report));
} finally {
  await workbench.close();
}
