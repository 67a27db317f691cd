import { createHash } from 'node:crypto';
import { z } from 'zod';
import { createNearIndex } from './min-hash.ts';

export const splits = ['train', 'validation', 'held-out'] as const;
export type Split = (typeof splits)[number];

export const splitSettingsSchema = z.object({
  /** Wished shares of rows; groups are never cut, so what comes out differs. */
  shares: z.object({ train: z.number(), validation: z.number(), 'held-out': z.number() }),
  seed: z.string(),
});
export type SplitSettings = z.infer<typeof splitSettingsSchema>;

export const defaultSplit: SplitSettings = {
  shares: { train: 0.8, validation: 0.1, 'held-out': 0.1 },
  seed: 'lorehouse',
};

/** Rows as alike as this say the same, and stand in one split. */
export const SAME_TEXT_SIMILARITY = 0.8;

export interface SplittableRow {
  readonly id: string;
  readonly documentId: string | null;
  readonly conversationId: string | null;
  /** Empty: unknown. */
  readonly intent: string;
  /** What is said in it, for the search for near duplicates. */
  readonly text: string;
}

export interface Placement {
  readonly split: Split;
  /** Equal for rows that may not be parted. */
  readonly groupKey: string;
}

/** Sets that are joined again and again. */
function createUnion(): { find: (key: string) => string; join: (a: string, b: string) => void } {
  const parents = new Map<string, string>();
  const find = (key: string): string => {
    let root = key;
    for (let parent = parents.get(root); parent !== undefined && parent !== root; parent = parents.get(root))
      root = parent;
    for (let step = key; step !== root; ) {
      const next = parents.get(step) ?? root;
      parents.set(step, root);
      step = next;
    }
    return root;
  };
  return {
    find,
    join(a, b) {
      const [first, second] = [find(a), find(b)];
      // The smaller name is the root, whatever the order in which rows come.
      if (first !== second) parents.set(first < second ? second : first, first < second ? first : second);
    },
  };
}

/** Rows that share a document, a conversation, an intent or (nearly) their words, by the key of their group. */
export function groupRows(rows: readonly SplittableRow[]): ReadonlyMap<string, readonly SplittableRow[]> {
  const union = createUnion();
  const index = createNearIndex();
  for (const row of rows) {
    const own = `row:${row.id}`;
    if (row.documentId !== null) union.join(own, `document:${row.documentId}`);
    if (row.conversationId !== null) union.join(own, `conversation:${row.conversationId}`);
    if (row.intent !== '') union.join(own, `intent:${row.intent}`);
    for (const { index: at } of index.find(row.text, SAME_TEXT_SIMILARITY))
      union.join(own, `row:${rows[at]?.id ?? ''}`);
    index.add(row.text);
  }
  const groups = new Map<string, SplittableRow[]>();
  for (const row of rows) {
    const key = union.find(`row:${row.id}`);
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  return groups;
}

const shuffleKey = (seed: string, key: string) => createHash('sha256').update(`${seed}\n${key}`).digest('hex');

/** What was held out once is never trained on: the strictest split that any row of the group has been in. */
function findEarlierSplit(group: readonly SplittableRow[], earlier: ReadonlyMap<string, Split>): Split | undefined {
  const found = new Set(group.map((row) => earlier.get(row.id)));
  return splits.toReversed().find((split) => found.has(split));
}

/**
 * Place every row in a split, whole groups at a time ({@link groupRows}): no document, conversation, intent or near duplicate
 * stands on both sides. The same rows and seed give the same placement. A group whose rows were placed by an earlier version
 * stays there, so that nothing that an adapter was tested on is trained on later. Splits other than train stay empty when
 * there are too few groups.
 */
export function splitRows(
  rows: readonly SplittableRow[],
  settings: SplitSettings,
  earlier: ReadonlyMap<string, Split> = new Map(),
): ReadonlyMap<string, Placement> {
  const groups = [...groupRows(rows)].map(([key, members]) => ({
    key,
    members,
    order: shuffleKey(settings.seed, key),
  }));
  // Large groups first, so that none is left over for a split that it would flood; of one size in an order without meaning.
  groups.sort((a, b) => b.members.length - a.members.length || (a.order < b.order ? -1 : 1));
  const filled: Record<Split, number> = { train: 0, validation: 0, 'held-out': 0 };
  const placed = new Map<string, Split>();
  for (const { key, members } of groups) {
    const split = findEarlierSplit(members, earlier);
    if (split === undefined) continue;
    placed.set(key, split);
    filled[split] += members.length;
  }
  const free = groups.filter(({ key }) => !placed.has(key));
  const missing = (split: Split) => settings.shares[split] * rows.length - filled[split];
  for (const { key, members } of free) {
    // To the split that lacks most in proportion, train first; a group that would overfill a small split goes to train.
    const fitting = splits.filter((split) => split === 'train' || members.length <= missing(split) * 1.5);
    const split = fitting.toSorted(
      (a, b) =>
        missing(b) / settings.shares[b] - missing(a) / settings.shares[a] || splits.indexOf(a) - splits.indexOf(b),
    )[0];
    placed.set(key, split ?? 'train');
    filled[split ?? 'train'] += members.length;
  }
  fillEmptySplits(free, placed, filled);
  const result = new Map<string, Placement>();
  for (const { key, members } of groups) {
    for (const row of members) result.set(row.id, { split: placed.get(key) ?? 'train', groupKey: key });
  }
  return result;
}

/** With three groups or more, no split stays empty: the smallest groups of train go over. */
function fillEmptySplits(
  free: readonly { readonly key: string; readonly members: readonly SplittableRow[] }[],
  placed: Map<string, Split>,
  filled: Record<Split, number>,
): void {
  for (const split of ['validation', 'held-out'] as const) {
    if (filled[split] > 0) continue;
    const movable = free.filter(({ key }) => placed.get(key) === 'train');
    const smallest = movable.at(-1);
    if (smallest === undefined || movable.length < 2) continue;
    placed.set(smallest.key, split);
    filled.train -= smallest.members.length;
    filled[split] += smallest.members.length;
  }
}
