import { createHash } from 'node:crypto';
import type { DatabaseExecutor } from '#db/executor.ts';
import { listLiveSources, listTestedQuestions } from '#db/repositories/row-sources.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { findOverlap, type Overlap } from './data-set/find-overlap.ts';
import type { DataSetSource, FrozenDataSet } from './data-set-source.ts';
import { createMemory } from './remember.ts';

/** Why a frozen version may not be trained on as things are now: suites grow and sources go after it was frozen. */
export interface TrainingBlocker {
  readonly code: 'training.overlaps-suite' | 'training.sources-deleted';
  readonly text: string;
}

interface BlockerDeps {
  readonly db: DatabaseExecutor;
  readonly dataSets: DataSetSource;
}

const NAMED_ROWS = 5;
const QUESTION_CHARACTERS = 80;
const rememberOverlap = createMemory<readonly Overlap[]>(8);

const cut = (text: string) =>
  text.length <= QUESTION_CHARACTERS ? text : `${text.slice(0, QUESTION_CHARACTERS).trimEnd()} …`;

/** Rows that the adapter learns from or is chosen by; held-out rows may repeat a test. */
async function findOverlapOfVersion(
  { db, dataSets }: BlockerDeps,
  access: Authorized<'dataset.read'>,
  { versionId }: FrozenDataSet,
): Promise<readonly Overlap[]> {
  const tested = await listTestedQuestions(db, access);
  if (tested.length === 0) return [];
  const key = createHash('sha256')
    .update(JSON.stringify([versionId, tested]))
    .digest('hex');
  return rememberOverlap(key, async () => {
    const rows: { id: string; questions: string[] }[] = [];
    const lines = { train: 0, validation: 0, 'held-out': 0 };
    for await (const { split, messages } of dataSets.readRows(access, versionId)) {
      lines[split] += 1;
      if (split === 'held-out') continue;
      const questions = messages.filter(({ role }) => role === 'user').map(({ content }) => content);
      rows.push({ id: `line ${lines[split]} of ${split}, “${cut(questions.at(-1) ?? '')}”`, questions });
    }
    return findOverlap(rows, tested);
  });
}

async function describeGoneSources(
  { db, dataSets }: BlockerDeps,
  access: Authorized<'dataset.read'>,
  { versionId }: FrozenDataSet,
): Promise<string | null> {
  const { documents, conversationIds } = await dataSets.readSources(access, versionId);
  const live = await listLiveSources(db, access, {
    documentIds: documents.map(({ documentId }) => documentId),
    conversationIds,
  });
  const goneDocuments = documents.filter(({ documentId }) => !live.documentIds.has(documentId));
  const goneConversations = conversationIds.filter((id) => !live.conversationIds.has(id)).length;
  const parts = [
    ...goneDocuments.map(({ title }) => `“${title}”`),
    ...(goneConversations === 0
      ? []
      : [goneConversations === 1 ? 'a conversation' : `${goneConversations} conversations`]),
  ];
  return parts.length === 0 ? null : parts.join(', ');
}

/** Looked at before a run starts, and shown before anyone asks for it. */
export async function findBlockers(
  deps: BlockerDeps,
  access: Authorized<'dataset.read'>,
  dataSet: FrozenDataSet,
): Promise<TrainingBlocker[]> {
  const [overlaps, gone] = await Promise.all([
    findOverlapOfVersion(deps, access, dataSet),
    describeGoneSources(deps, access, dataSet),
  ]);
  const blockers: TrainingBlocker[] = [];
  if (gone !== null)
    blockers.push({
      code: 'training.sources-deleted',
      text: `Version ${dataSet.number} of ${dataSet.name} has rows from what was deleted since: ${gone}. Freeze the data set again; that leaves them out.`,
    });
  if (overlaps.length > 0) {
    const named = overlaps.slice(0, NAMED_ROWS).map(({ rowId, suiteText }) => `${rowId} (${suiteText.name})`);
    const more = overlaps.length - named.length;
    blockers.push({
      code: 'training.overlaps-suite',
      text: `${overlaps.length === 1 ? 'One row asks' : `${overlaps.length} rows ask`} what a test suite asks, so that its result would say nothing: ${named.join('; ')}${more > 0 ? ` and ${more} more` : ''}. Freeze the data set again; that puts them aside.`,
    });
  }
  return blockers;
}
