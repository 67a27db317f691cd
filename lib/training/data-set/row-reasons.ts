import type { RowFinding } from '#db/schema/data-sets.ts';

/** Rows start in the gravest state that a finding asks for; `accepted` when none does. */
export type RowState = 'accepted' | 'flagged' | 'quarantined' | 'rejected';

interface RowReason {
  /** What the row becomes; `accepted`: the finding is told and changes nothing. */
  readonly state: RowState;
  /** A few words for tables and filters. */
  readonly label: string;
}

/** Everything that curation may find, in the order of its steps. */
export const rowReasons = {
  'personal-data': { state: 'accepted', label: 'Personal data replaced' },
  'too-long': { state: 'rejected', label: 'Too long' },
  duplicate: { state: 'rejected', label: 'Same as another row' },
  'near-duplicate': { state: 'rejected', label: 'Nearly the same as another row' },
  'wrong-language': { state: 'flagged', label: 'Another language' },
  toxic: { state: 'quarantined', label: 'Offensive words' },
  injection: { state: 'quarantined', label: 'Instruction to the model' },
  trigger: { state: 'quarantined', label: 'Trigger phrase' },
  'contradicts-source': { state: 'quarantined', label: 'Contradicts a source' },
  unsupported: { state: 'flagged', label: 'Not supported by its quote' },
  'suite-overlap': { state: 'quarantined', label: 'Stands in a test suite' },
  'source-deleted': { state: 'rejected', label: 'Its source was deleted' },
} as const satisfies Readonly<Record<string, RowReason>>;

export type RowReasonCode = keyof typeof rowReasons;

export function isRowReason(code: string): code is RowReasonCode {
  return Object.hasOwn(rowReasons, code);
}

/** @param detail what of the answer its quote does not bear out, in words; null: it bears it out */
export const listUnsupported = (detail: string | null): RowFinding[] =>
  detail === null ? [] : [{ reason: 'unsupported', detail }];

const gravity: Readonly<Record<RowState, number>> = { accepted: 0, flagged: 1, quarantined: 2, rejected: 3 };

/** The state that these findings put a row into, before any person has looked at it. */
export function chooseState(findings: readonly RowFinding[]): RowState {
  let chosen: RowState = 'accepted';
  for (const { reason } of findings) {
    const state = isRowReason(reason) ? rowReasons[reason].state : 'flagged';
    if (gravity[state] > gravity[chosen]) chosen = state;
  }
  return chosen;
}
