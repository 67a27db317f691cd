/** A row as the page shows it. Serializable: it crosses from server to browser. */
export interface RowView {
  readonly id: string;
  readonly messages: readonly { readonly role: 'system' | 'user' | 'assistant'; readonly content: string }[];
  readonly state: 'accepted' | 'flagged' | 'quarantined' | 'rejected';
  readonly findings: readonly { readonly reason: string; readonly detail: string }[];
  readonly intent: string;
  readonly tokenCount: number | null;
  readonly isEdited: boolean;
  readonly isReviewed: boolean;
  readonly quote: string | null;
  readonly origin: string;
  /** Null: not from a document, or it is gone. */
  readonly documentAddress: string | null;
}
