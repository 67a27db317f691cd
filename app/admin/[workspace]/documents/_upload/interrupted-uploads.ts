import { z } from 'zod';

/**
 * Names of the uploads under way, kept in the browser while they last. A page that opens finds there what a reload, a crash or
 * a closed tab cut off: only the browser had those files, so nobody else can tell.
 */

/** A tab that uploads says so this often. */
export const ALIVE_INTERVAL_MS = 4000;
/** Silent for longer, it is gone. Browsers let hidden tabs speak only once a minute. */
const GONE_AFTER_MS = 90_000;
/** More names than anyone reads; how many there were is kept. */
const NAMES_KEPT = 500;

const recordSchema = z.object({ names: z.array(z.string()), count: z.number().int(), aliveAt: z.number() });
const recordsSchema = z.record(z.string(), recordSchema);

export interface InterruptedUploads {
  /** The first of them. */
  readonly names: readonly string[];
  readonly count: number;
}

type Store = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

const keyOf = (workspace: string) => `lorehouse.uploads.${workspace}`;

function read(store: Store, workspace: string): Record<string, z.infer<typeof recordSchema>> {
  try {
    return recordsSchema.catch({}).parse(JSON.parse(store.getItem(keyOf(workspace)) ?? '{}'));
  } catch {
    return {};
  }
}

function write(store: Store, workspace: string, records: Record<string, z.infer<typeof recordSchema>>): void {
  try {
    if (Object.keys(records).length === 0) store.removeItem(keyOf(workspace));
    else store.setItem(keyOf(workspace), JSON.stringify(records));
  } catch {
    // A full or forbidden store: uploads go on, only their names would not survive.
  }
}

/** Say what this tab is uploading now; nothing ends the record. */
export function rememberUploads(
  store: Store,
  workspace: string,
  tabId: string,
  names: readonly string[],
  now: number,
): void {
  const { [tabId]: _mine, ...others } = read(store, workspace);
  if (names.length === 0) write(store, workspace, others);
  else {
    const mine = { names: names.slice(0, NAMES_KEPT), count: names.length, aliveAt: now };
    write(store, workspace, { ...others, [tabId]: mine });
  }
}

/** What uploads of this tab before its reload, and of tabs that are gone, left unfinished. They are forgotten with `forgetInterrupted`. */
export function findInterrupted(store: Store, workspace: string, tabId: string, now: number): InterruptedUploads {
  const gone = Object.entries(read(store, workspace)).filter(([id, { aliveAt }]) => isGone(id, aliveAt, tabId, now));
  return {
    names: gone.flatMap(([, record]) => record.names),
    count: gone.reduce((sum, [, record]) => sum + record.count, 0),
  };
}

export function forgetInterrupted(store: Store, workspace: string, tabId: string, now: number): void {
  const records = Object.entries(read(store, workspace)).filter(
    ([id, { aliveAt }]) => !isGone(id, aliveAt, tabId, now),
  );
  write(store, workspace, Object.fromEntries(records));
}

function isGone(id: string, aliveAt: number, tabId: string, now: number): boolean {
  return id === tabId || now - aliveAt > GONE_AFTER_MS;
}
