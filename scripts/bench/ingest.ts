/**
 * Speed of taking in documents: files are handed to the product's own worker, which extracts, splits, embeds, stores and
 * indexes them, until all of them answer; then the embedding model alone embeds the very same texts with the same number of
 * threads, in one run of this script. Database, inference server and worker are processes of their own, as in use.
 *
 *   npm run bench:ingest -- --folder DOCUMENTS [--threads 1] [--json]
 */
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Command } from 'commander';
import { asc, count, eq } from 'drizzle-orm';
import { createPeopleStore } from '#db/repositories/people.ts';
import { chunks, documents } from '#db/schema/documents.ts';
import { runs } from '#db/schema/runs.ts';
import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import { describeDataDir } from '#lib/config/data-dir.ts';
import { loadEnv } from '#lib/config/env.ts';
import { addDocument } from '#lib/ingestion/add-document.ts';
import { createBlobStore } from '#lib/ingestion/blob-store.ts';
import { composeSearchText } from '#lib/ingestion/embedding-text.ts';
import { openPgBossQueue } from '#lib/jobs/pg-boss-queue.ts';
import { loadEmbeddingModel } from '../eval/open-workbench.ts';
import { startProduct } from './start-product.ts';

const flags = new Command('bench:ingest')
  .requiredOption('--folder <path>', 'documents of formats that the product reads; folders below it are not read')
  .option('--threads <number>', 'compute threads of the models', Number, Math.max(1, os.availableParallelism() - 1))
  .option('--json', 'print one JSON object as the last line', false)
  .parse()
  .opts<{ folder: string; threads: number; json: boolean }>();

const TARGET_SHARE = 0.85;
/** Texts that the bare model embeds at once, neighbours by length: what it is fastest at on a processor. */
const BARE_BATCH = 16;
const POLL_MS = 500;

const entries = await readdir(flags.folder, { withFileTypes: true });
const files = entries.filter((entry) => entry.isFile() && !entry.name.startsWith('.')).map(({ name }) => name);
if (files.length === 0) throw new Error(`${flags.folder} holds no files`);

console.error('starting the product and indexing the demo documents');
const product = await startProduct({
  LOREHOUSE_MODELS_DIR: loadEnv().modelsDir,
  LOREHOUSE_THREADS: String(flags.threads),
});
try {
  const { db } = product;
  const queue = await openPgBossQueue({ db, role: 'send', onError: (error) => console.error(error) });
  const people = createPeopleStore(db);
  const workspace = await people.workspaces.create({ slug: 'ingest', name: 'Ingest', isDemo: false });
  const write = await authorizeSystem('benchmark', workspace.id, 'document.write');
  const blobs = createBlobStore(describeDataDir(product.dataDir).blobsDir);

  console.error(`indexing ${files.length} files`);
  const startedAt = performance.now();
  for (const name of files)
    await addDocument({ db, queue, blobs }, write, {
      fileName: name,
      stream: createReadStream(path.join(flags.folder, name)),
    });
  const addedSeconds = (performance.now() - startedAt) / 1000;
  const chunksWhenAdded = await db.$count(chunks, eq(chunks.workspaceId, workspace.id));
  for (;;) {
    const states = await db
      .select({ state: runs.state, runs: count() })
      .from(runs)
      .where(eq(runs.workspaceId, workspace.id))
      .groupBy(runs.state);
    if (states.every(({ state }) => state === 'succeeded')) break;
    const lost = states.find(({ state }) => state === 'failed' || state === 'cancelled');
    if (lost) throw new Error(`${lost.runs} documents could not be indexed (${lost.state})`);
    await wait(POLL_MS);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  await queue.stop();

  const rows = await db
    .select({ title: documents.title, headings: chunks.headings, text: chunks.text })
    .from(chunks)
    .innerJoin(documents, eq(documents.id, chunks.documentId))
    .where(eq(chunks.workspaceId, workspace.id))
    .orderBy(asc(chunks.id));
  const texts = rows.map(({ title, ...chunk }) => composeSearchText(title, chunk));
  const byLength = texts.toSorted((a, b) => a.length - b.length);

  console.error(`embedding ${texts.length} texts bare`);
  const model = await loadEmbeddingModel(flags.threads);
  await model.embed(byLength.slice(0, BARE_BATCH));
  const bareStartedAt = performance.now();
  for (let start = 0; start < byLength.length; start += BARE_BATCH)
    await model.embed(byLength.slice(start, start + BARE_BATCH));
  const bareSeconds = (performance.now() - bareStartedAt) / 1000;
  await model.close();

  const report = {
    files: files.length,
    chunks: texts.length,
    threads: flags.threads,
    addedSeconds,
    seconds,
    chunksPerSecond: texts.length / seconds,
    bareSeconds,
    bareChunksPerSecond: texts.length / bareSeconds,
    share: bareSeconds / seconds,
    /** Of those that were left when the last file had been handed over, which takes processor time as well. */
    shareSinceAdded: (texts.length - chunksWhenAdded) / (seconds - addedSeconds) / (texts.length / bareSeconds),
    load: os.loadavg()[0],
  };
  console.log(
    `${report.files} files, ${report.chunks} chunks in ${seconds.toFixed(1)} s: ${report.chunksPerSecond.toFixed(1)} chunks/s, ` +
      `${(report.share * 100).toFixed(0)} % of the bare model's ${report.bareChunksPerSecond.toFixed(1)} (target ≥ ${TARGET_SHARE * 100} %); ` +
      `handing the files over took ${addedSeconds.toFixed(1)} s of it, since then ${(report.shareSinceAdded * 100).toFixed(0)} %`,
  );
  if (flags.json) console.log(JSON.stringify(report));
  process.exitCode = report.share >= TARGET_SHARE ? 0 : 1;
} finally {
  await product.close();
}
