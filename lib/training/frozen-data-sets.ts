import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import type { DatabaseExecutor } from '#db/executor.ts';
import {
  type FrozenVersion,
  findFrozenVersion,
  listFrozenLines,
  listFrozenSources,
  listFrozenVersions,
} from '#db/repositories/frozen-data-sets.ts';
import { notFound } from '#lib/domain/errors.ts';
import { type DataSetSource, type FrozenDataSet, type Split, splits } from './data-set-source.ts';

/** More than anyone chooses from. */
const LISTED_VERSIONS = 200;

const rowSchema = z.object({
  messages: z.array(z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() })),
});

function describeVersion(version: FrozenVersion): FrozenDataSet {
  return {
    versionId: version.id,
    name: version.dataSetName,
    number: version.ordinal,
    sha256: version.sha256,
    rowCounts: { train: version.trainRows, validation: version.validationRows, 'held-out': version.heldOutRows },
    createdAt: version.createdAt.toISOString(),
  };
}

const fileOf = (version: FrozenVersion, split: Split): string =>
  ({ train: version.trainSha256, validation: version.validationSha256, 'held-out': version.heldOutSha256 })[split];

/** Versions as the database and the blob store have them: a JSONL file for each split. */
export function createFrozenDataSets(deps: {
  readonly db: DatabaseExecutor;
  readonly blobs: { read(sha256: string): Readable };
}): DataSetSource {
  const { db, blobs } = deps;
  const source: DataSetSource = {
    async list(access) {
      return (await listFrozenVersions(db, access, LISTED_VERSIONS)).map(describeVersion);
    },
    async find(access, versionId) {
      const version = await findFrozenVersion(db, access, versionId);
      if (version === undefined) throw notFound('dataset');
      return describeVersion(version);
    },
    async *readRows(access, versionId) {
      const version = await findFrozenVersion(db, access, versionId);
      if (version === undefined) throw notFound('dataset');
      const counts = describeVersion(version).rowCounts;
      for (const split of splits) {
        if (counts[split] === 0) continue;
        const facts = await listFrozenLines(db, access, versionId, split);
        let line = 0;
        for await (const text of createInterface({ input: blobs.read(fileOf(version, split)) })) {
          const fact = facts[line++];
          const { messages } = rowSchema.parse(JSON.parse(text));
          yield { split, messages, intent: fact?.intent || null, isFromManual: (fact?.documentId ?? null) !== null };
        }
      }
    },
    async readSources(access, versionId) {
      const { documents, conversationIds } = await listFrozenSources(db, access, versionId);
      return {
        documents: documents.map(({ documentId, title }) => ({ documentId, title: title ?? 'a deleted document' })),
        conversationIds,
      };
    },
  };
  return source;
}
