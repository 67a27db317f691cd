/**
 * How fast search stays as a workspace grows, and whether a small workspace beside a large one still finds everything:
 *
 *   npm run bench:retrieval -- [--scale CHUNKS] [--queries N] [--json]
 *
 * Fills a throw-away embedded database with chunks of made-up documents: words by Zipf's law, three in five of the
 * document's own subject; vectors of 384 dimensions around a centre for each document. One workspace holds 99 of 100 chunks, another the
 * rest. Each question is some words of a chunk and a vector near that chunk's. The embedding model is not in it: an answer's
 * search adds one query embedding, some 5 ms on a free core. CPU time is what the search would take if nothing else ran: database and
 * program are one process here.
 */
import { Command } from 'commander';
import { createChunk, insertChunks, insertEmbeddings, maintainTables } from '#db/repositories/chunks.ts';
import { findSearchedIndex, maintainDenseIndex, searchDense } from '#db/repositories/dense-index.ts';
import {
  findDocumentVersion,
  insertDocument,
  insertDocumentVersion,
  publishVersion,
} from '#db/repositories/documents.ts';
import { ensureActiveIndexConfig } from '#db/repositories/index-configs.ts';
import { insertTerms } from '#db/repositories/lexical-index.ts';
import { prepareLexicalText } from '#lib/domain/lexical-text.ts';
import { search } from '#lib/retrieval/search.ts';
import type { RuntimeStatus } from '#lib/runtime/runtime-port.ts';
import { openThrowawayDatabase, type WorkbenchWorkspace } from '../eval/open-workbench.ts';

const options = new Command('bench:retrieval')
  .option('--scale <chunks>', 'chunks in all', Number, 10_000)
  .option('--queries <count>', 'questions asked of each workspace', Number, 200)
  .option('--json', 'print one JSON object as the last line')
  .parse()
  .opts<{ scale: number; queries: number; json?: boolean }>();

const DIMENSIONS = 384;
const CHUNKS_PER_DOCUMENT = 50;
const WORDS_PER_CHUNK = 110;
const VOCABULARY = 30_000;
const SUBJECT_WORDS = 300;
const SUBJECT_SHARE = 0.6;
const SMALL_SHARE = 0.01;
/** Noise of a chunk around its document's centre and of a question around its chunk, for unit vectors. */
const CHUNK_NOISE = 0.9;
const QUESTION_NOISE = 0.5;
const MODEL = { id: 'made-up', sha256: '0'.repeat(64), dimensions: DIMENSIONS, maxTokens: 256 };

/** Mulberry32: the same numbers on every machine. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = createRandom(1);
const pick = (count: number) => Math.floor(random() * count);
/** Rank by Zipf's law: the logarithm of the rank is spread evenly. */
const pickZipf = () => Math.floor(Math.exp(random() * Math.log(VOCABULARY))) - 1;
const SYLLABLES = 'ba ce di fo gu ha je ki lo mu na pe ri so tu va we xi yo zu'.split(' ');
const spell = (word: number) =>
  [word % 20, Math.floor(word / 20) % 20, Math.floor(word / 400) % 20, Math.floor(word / 8000)]
    .map((digit) => SYLLABLES[digit])
    .join('');
const gaussian = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

function normalise(vector: Float32Array): Float32Array {
  const norm = Math.hypot(...vector);
  return vector.map((value) => value / norm);
}
const makeVector = () => normalise(Float32Array.from({ length: DIMENSIONS }, gaussian));
const moveAway = (from: Float32Array, noise: number) =>
  normalise(from.map((value) => value + (noise * gaussian()) / Math.sqrt(DIMENSIONS)));

interface Question {
  readonly text: string;
  readonly vector: Float32Array;
}

const percentile = (values: readonly number[], share: number) => {
  const sorted = values.toSorted((a, b) => a - b);
  return Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1));
};

const { db, addWorkspace, close } = await openThrowawayDatabase();
try {
  const seconds = { chunks: 0, embeddings: 0, terms: 0, denseIndex: 0 };
  const timed = async <T>(stage: keyof typeof seconds, work: () => Promise<T>): Promise<T> => {
    const startedAt = performance.now();
    const value = await work();
    seconds[stage] += (performance.now() - startedAt) / 1000;
    return value;
  };

  async function fill(workspace: WorkbenchWorkspace, chunkCount: number): Promise<Question[]> {
    const config = await ensureActiveIndexConfig(db, workspace.write, {
      embeddingModel: MODEL.id,
      embeddingSha256: MODEL.sha256,
      dimensions: DIMENSIONS,
      splitterVersion: 1,
      chunkSizeTokens: 160,
      chunkOverlapTokens: 20,
    });
    const questions: Question[] = [];
    for (let first = 0; first < chunkCount; first += CHUNKS_PER_DOCUMENT) {
      const subject = Array.from({ length: SUBJECT_WORDS }, () => pick(VOCABULARY));
      const centre = makeVector();
      const count = Math.min(CHUNKS_PER_DOCUMENT, chunkCount - first);
      const rows = Array.from({ length: count }, () => ({
        words: Array.from({ length: WORDS_PER_CHUNK }, () =>
          spell(random() < SUBJECT_SHARE ? (subject[pick(SUBJECT_WORDS)] ?? 0) : pickZipf()),
        ),
        vector: moveAway(centre, CHUNK_NOISE),
      }));
      if (questions.length * chunkCount < options.queries * (first + count)) {
        const row = rows[pick(count)];
        if (row) {
          questions.push({
            text: Array.from({ length: 8 }, () => row.words[pick(WORDS_PER_CHUNK)]).join(' '),
            vector: moveAway(row.vector, QUESTION_NOISE),
          });
        }
      }
      const title = `Document ${first / CHUNKS_PER_DOCUMENT}`;
      const document = await insertDocument(db, workspace.write, {
        fileName: `${title}.txt`,
        title,
        createdBy: null,
      });
      const version = await insertDocumentVersion(db, workspace.write, {
        documentId: document.id,
        fileName: `${title}.txt`,
        blobSha256: '0'.repeat(64),
        mediaType: 'text/plain',
        sizeBytes: 0,
      });
      const key = { documentId: document.id, versionId: version.id, indexConfigId: config.id };
      const stored = rows.map((row, ordinal) =>
        createChunk(workspace.write, key, {
          ordinal,
          pageNumber: 1,
          startOffset: 0,
          endOffset: 1,
          sectionStartOffset: 0,
          sectionEndOffset: 1,
          headings: [],
          text: row.words.join(' '),
          tokenCount: 160,
        }),
      );
      await timed('chunks', () => insertChunks(db, stored));
      await timed('embeddings', () =>
        insertEmbeddings(
          db,
          workspace.write,
          config.id,
          stored.map((chunk, index) => ({ chunkId: chunk.id, embedding: rows[index]?.vector ?? centre })),
        ),
      );
      await timed('terms', () =>
        insertTerms(
          db,
          workspace.write,
          config.id,
          stored.map((chunk) => ({ chunkId: chunk.id, text: prepareLexicalText(chunk.text) })),
        ),
      );
      const found = await findDocumentVersion(db, workspace.write, version.id);
      if (found) await publishVersion(db, workspace.write, found.version);
      // As ingestion does: plans that were made for small tables go with it.
      await maintainTables(db);
      if (first % 10_000 === 0) console.log(`${first} chunks`);
    }
    await timed('denseIndex', () => maintainDenseIndex(db, workspace.write, config));
    return questions;
  }

  async function measure(workspace: WorkbenchWorkspace, questions: readonly Question[]) {
    const index = await findSearchedIndex(db, workspace.read);
    if (!index) throw new Error('the workspace has no index');
    const status: RuntimeStatus = {
      state: 'ready',
      baseModel: null,
      embeddingModel: MODEL,
      gpu: false,
      threads: 1,
      queue: { active: 0, waiting: 0, limit: 1 },
      problems: [],
    };
    const times = {
      total: [] as number[],
      cpu: [] as number[],
      lexical: [] as number[],
      dense: [] as number[],
      exactDense: [] as number[],
    };
    let method = '';
    let shared = 0;
    let asked = 0;
    for (const question of questions) {
      const runtime = {
        readStatus: () => Promise.resolve(status),
        embedTexts: (texts: readonly string[]) => Promise.resolve(texts.map(() => question.vector)),
      };
      const cpuBefore = process.cpuUsage();
      const found = await search({ db, runtime }, workspace.read, {
        query: question.text,
        config: { candidatesPerLeg: 30, topK: 4 },
      });
      const cpu = process.cpuUsage(cpuBefore);
      times.cpu.push((cpu.user + cpu.system) / 1000);
      times.total.push(found.timingsMs.total);
      times.lexical.push(found.timingsMs.lexical);
      times.dense.push(found.timingsMs.dense);
      const startedAt = performance.now();
      const exact = await searchDense(db, workspace.read, { ...index, hasDenseIndex: false }, question.vector, {
        limit: 10,
      });
      times.exactDense.push(performance.now() - startedAt);
      const served = await searchDense(db, workspace.read, index, question.vector, { limit: 10 });
      method = served.method;
      const wanted = new Set(exact.hits.map((hit) => hit.chunkId));
      shared += served.hits.filter((hit) => wanted.has(hit.chunkId)).length;
      asked += wanted.size;
    }
    const spread = (values: readonly number[]) => `${percentile(values, 0.5)} / ${percentile(values, 0.95)}`;
    return {
      'dense search': method,
      'recall@10 against exact': Number((shared / asked).toFixed(4)),
      'search ms p50 / p95': spread(times.total),
      'search CPU ms': spread(times.cpu),
      'lexical ms': spread(times.lexical),
      'dense ms': spread(times.dense),
      'exact dense ms': spread(times.exactDense),
      p95: percentile(times.total, 0.95),
    };
  }

  const large = await addWorkspace('large');
  const small = await addWorkspace('small');
  const smallCount = Math.round(options.scale * SMALL_SHARE);
  const smallQuestions = await fill(small, smallCount);
  const largeQuestions = await fill(large, options.scale - smallCount);
  const rounded = Object.fromEntries(
    Object.entries(seconds).map(([stage, value]) => [stage, Number(value.toFixed(1))]),
  );
  console.log('seconds for writing', rounded);
  const report = {
    [`${options.scale - smallCount} chunks`]: await measure(large, largeQuestions),
    [`${smallCount} chunks`]: await measure(small, smallQuestions),
  };
  console.table(report);
  if (options.json) console.log(JSON.stringify({ scale: options.scale, seconds: rounded, workspaces: report }));
} finally {
  await close();
}
