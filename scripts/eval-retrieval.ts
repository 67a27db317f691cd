/**
 * How well search ranks, on a public collection in BEIR's layout (corpus.jsonl, queries.jsonl, qrels/test.tsv):
 *
 *   node scripts/eval-retrieval.ts PATH/TO/COLLECTION [--limit QUERIES] [--chunk-size TOKENS] [--json]
 *
 * Indexes the collection with the product's own stages and the real embedding model into a throw-away embedded database, asks
 * every judged query, and prints nDCG@10, recall@10 and MRR@10 of each leg and of their fusion.
 */
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Command } from 'commander';
import { z } from 'zod';
import { listChunksByIds } from '#db/repositories/chunks.ts';
import { listDocuments } from '#db/repositories/documents.ts';
import { defaultChunkSizes } from '#lib/ingestion/ingest-version.ts';
import { measureNdcg, measureRecall, measureReciprocalRank } from '#lib/retrieval/ranking-metrics.ts';
import { search } from '#lib/retrieval/search.ts';
import { openWorkbench } from './eval/open-workbench.ts';

/** BEIR calls the key `_id`. */
const rowSchema = z
  .object({ _id: z.string(), title: z.string().optional(), text: z.string() })
  .transform(({ _id: id, title, text }) => ({ id, title, text }));

const K = 10;
const CANDIDATES = 100;

const command = new Command('eval-retrieval')
  .argument('<collection>', 'folder in BEIR layout')
  .option('--limit <queries>', 'ask only the first queries', Number, Number.POSITIVE_INFINITY)
  .option('--chunk-size <tokens>', 'chunk size', Number, defaultChunkSizes.chunkSizeTokens)
  .option('--json', 'print one JSON object as the last line')
  .parse();
const [collection = ''] = command.args;
const options = command.opts<{ limit: number; chunkSize: number; json?: boolean }>();

async function* readLines(file: string): AsyncGenerator<string> {
  for await (const line of createInterface({ input: createReadStream(path.join(collection, file)) })) {
    if (line.trim() !== '') yield line;
  }
}

const judgements = new Map<string, Map<string, number>>();
for await (const line of readLines('qrels/test.tsv')) {
  const [query = '', document = '', grade = ''] = line.split('\t');
  if (!/^\d+$/.test(grade)) continue;
  judgements.set(query, (judgements.get(query) ?? new Map<string, number>()).set(document, Number(grade)));
}

const workbench = await openWorkbench({ chunkSizes: { ...defaultChunkSizes, chunkSizeTokens: options.chunkSize } });
try {
  const workspace = await workbench.addWorkspace('evaluation');
  let documentCount = 0;
  const indexStartedAt = performance.now();
  for await (const line of readLines('corpus.jsonl')) {
    const document = rowSchema.parse(JSON.parse(line));
    if (document.text.trim() === '') continue;
    await workbench.addPages(
      workspace,
      { fileName: document.id, title: document.title ?? '', mediaType: 'text/plain' },
      [{ pageNumber: 1, label: null, text: document.text, headings: [] }],
    );
    documentCount += 1;
    if (documentCount % 100 === 0) console.log(`indexed ${documentCount} documents`);
  }
  const indexSeconds = (performance.now() - indexStartedAt) / 1000;
  const names = new Map(
    (await listDocuments(workbench.db, workspace.read)).map(({ document }) => [document.id, document.fileName]),
  );
  const legs = ['lexical', 'dense', 'fused'] as const;
  const sums = new Map(legs.map((leg) => [leg, { ndcg: 0, recall: 0, reciprocalRank: 0 }]));
  const searchMs: number[] = [];
  let asked = 0;
  for await (const line of readLines('queries.jsonl')) {
    const query = rowSchema.parse(JSON.parse(line));
    const judged = judgements.get(query.id);
    if (!judged || asked >= options.limit) continue;
    asked += 1;
    const result = await search({ db: workbench.db, runtime: workbench.runtime }, workspace.read, {
      query: query.text,
      config: { candidatesPerLeg: CANDIDATES, topK: K },
    });
    searchMs.push(result.timingsMs.total);
    const chunkIds = [...new Set(legs.flatMap((leg) => result.legs[leg]))];
    const documentOf = new Map(
      (await listChunksByIds(workbench.db, workspace.read, chunkIds)).map((chunk) => [
        chunk.id,
        names.get(chunk.documentId) ?? '',
      ]),
    );
    for (const leg of legs) {
      // A document ranks where its best chunk does.
      const ranking = [...new Set(result.legs[leg].map((id) => documentOf.get(id) ?? ''))];
      const sum = sums.get(leg);
      if (!sum) continue;
      sum.ndcg += measureNdcg(ranking, judged, K);
      sum.recall += measureRecall(ranking, judged, K);
      sum.reciprocalRank += measureReciprocalRank(ranking, judged, K);
    }
  }
  searchMs.sort((a, b) => a - b);
  const report = {
    collection: path.basename(collection),
    documents: documentCount,
    queries: asked,
    indexSeconds: Math.round(indexSeconds),
    searchMsMedian: Math.round(searchMs[Math.floor(searchMs.length / 2)] ?? 0),
    searchMsP95: Math.round(searchMs[Math.floor(searchMs.length * 0.95)] ?? 0),
    legs: Object.fromEntries(
      [...sums].map(([leg, sum]) => [
        leg,
        {
          [`ndcg@${K}`]: Number((sum.ndcg / asked).toFixed(4)),
          [`recall@${K}`]: Number((sum.recall / asked).toFixed(4)),
          [`mrr@${K}`]: Number((sum.reciprocalRank / asked).toFixed(4)),
        },
      ]),
    ),
  };
  console.log(
    `${report.documents} documents, ${report.queries} queries, indexed in ${report.indexSeconds} s, search ${report.searchMsMedian} ms median, ${report.searchMsP95} ms p95`,
  );
  console.table(report.legs);
  if (options.json) console.log(JSON.stringify(report));
} finally {
  await workbench.close();
}
