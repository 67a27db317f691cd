import type { ActionResult } from '#app/_server/action.ts';
import type { DocumentFilter } from '#lib/domain/document-list.ts';
import type { DocumentPriority } from '#lib/domain/document-priority.ts';
import type { ChangedDocuments } from '#lib/ingestion/manage-documents.ts';

export type Selected = { documentIds: string[] } | { matching: DocumentFilter };

interface Input {
  workspace: string;
  selection: Selected;
}

/** Server actions on one document or many. */
export interface DocumentActions {
  readonly deleteDocuments: (input: Input) => Promise<ActionResult<ChangedDocuments>>;
  readonly retryDocuments: (input: Input) => Promise<ActionResult<ChangedDocuments>>;
  readonly cancelDocuments: (input: Input) => Promise<ActionResult<ChangedDocuments>>;
  readonly tagDocuments: (
    input: Input & { add: string[]; remove: string[] },
  ) => Promise<ActionResult<ChangedDocuments>>;
  readonly prioritiseDocuments: (
    input: Input & { priority: DocumentPriority },
  ) => Promise<ActionResult<ChangedDocuments>>;
}

export const countDocuments = (count: number) => `${count} ${count === 1 ? 'document' : 'documents'}`;
