import { z } from 'zod';

/** Contract between `answerQuestion`, the chat stream, the stored message and the page: one shape for all four. */

/** The piece of a source's text that stands on one page. */
export const sourcePartSchema = z.object({
  pageNumber: z.number().int().min(1),
  /** Offsets in the page's text, UTF-16 code units, end exclusive. */
  startOffset: z.number().int().min(0),
  endOffset: z.number().int().min(0),
  /** Where the piece begins in the source's text. */
  textStart: z.number().int().min(0),
});
export type SourcePart = z.infer<typeof sourcePartSchema>;

export const sourceSchema = z.object({
  /** Number in the answer, from 1. */
  number: z.number().int().min(1),
  documentId: z.string(),
  versionId: z.string(),
  chunkId: z.string(),
  documentTitle: z.string(),
  pageNumber: z.number().int().min(1),
  /** Offsets of `text` in the page's text, UTF-16 code units, end exclusive; of a text over several pages, of its piece on this one. */
  startOffset: z.number().int().min(0),
  endOffset: z.number().int().min(0),
  headings: z.array(z.string()),
  text: z.string(),
  /** The pieces of `text`, in order, where a sentence runs over a page break. Absent: all of it stands on `pageNumber`. */
  parts: z.array(sourcePartSchema).optional(),
  /** Fusion score; comparable within one answer only. */
  score: z.number(),
  /** Cosine similarity to the question, null when only the lexical leg found it. */
  similarity: z.number().nullable(),
});
export type Source = z.infer<typeof sourceSchema>;

export const citationSchema = z.object({
  sourceNumber: z.number().int().min(1),
  /** Offsets into the final answer text; end exclusive. The page puts the marker at `answerEnd`. */
  answerStart: z.number().int().min(0),
  answerEnd: z.number().int().min(0),
  /** Offsets into the source's text; `quote` is exactly that slice. */
  quoteStart: z.number().int().min(0),
  quoteEnd: z.number().int().min(0),
  quote: z.string(),
  origin: z.enum(['model', 'attributed']),
});
export type Citation = z.infer<typeof citationSchema>;

/** Words of the answer that no offered passage contains. */
export const unsupportedSpanSchema = z.object({
  answerStart: z.number().int().min(0),
  answerEnd: z.number().int().min(0),
  kind: z.enum(['number', 'code', 'date', 'name', 'sentence']),
  /** For a code: the one code of the passages that differs by a character or two, as written there. Never put in its place. */
  nearest: z.string().optional(),
});
export type UnsupportedSpan = z.infer<typeof unsupportedSpanSchema>;

export const answerKinds = ['generated', 'extractive', 'refusal'] as const;
export type AnswerKind = (typeof answerKinds)[number];

/** What produced an answer. Stored with it for good. */
export const provenanceSchema = z.object({
  baseModel: z.string().nullable(),
  baseSha256: z.string().nullable(),
  /** Null: the base alone. */
  adapterSha256: z.string().nullable(),
  promptVersion: z.string(),
  chatTemplateSha256: z.string().nullable(),
  answerConfigId: z.string(),
  indexConfigId: z.string(),
  embeddingModel: z.string(),
  /** The query searched for: the question itself, or its standalone rewrite. */
  searchQuery: z.string(),
  /** 0 to 1; compared with the configuration's threshold. */
  supportScore: z.number(),
  usage: z
    .object({ promptTokens: z.number(), cachedPromptTokens: z.number(), completionTokens: z.number() })
    .nullable(),
  timingsMs: z.object({
    retrieval: z.number(),
    queue: z.number().nullable(),
    prefill: z.number().nullable(),
    decode: z.number().nullable(),
    /** From the request to the first text-delta; null when there was none. */
    firstText: z.number().nullable(),
    total: z.number(),
  }),
});
export type Provenance = z.infer<typeof provenanceSchema>;

export const publicErrorSchema = z.object({ code: z.string(), message: z.string(), isRetryable: z.boolean() });

/** Events of one chat turn, sent as server-sent events with the `type` as event name and the object as JSON data. */
export const chatEventSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('turn-start'),
    conversationId: z.string(),
    userMessageId: z.string(),
    messageId: z.string(),
  }),
  z.object({
    type: z.literal('stage-update'),
    stage: z.enum(['searching', 'waiting', 'reading', 'writing', 'checking']),
  }),
  z.object({ type: z.literal('source-list'), sources: z.array(sourceSchema) }),
  z.object({ type: z.literal('text-delta'), text: z.string() }),
  /** The checked answer: replaces the streamed text (bogus markers are gone, citations have offsets into this text). */
  z.object({
    type: z.literal('answer-final'),
    text: z.string(),
    answerKind: z.enum(answerKinds),
    citations: z.array(citationSchema),
    unsupportedSpans: z.array(unsupportedSpanSchema),
  }),
  z.object({ type: z.literal('turn-finish'), state: z.enum(['complete', 'stopped']), provenance: provenanceSchema }),
  z.object({ type: z.literal('turn-error'), error: publicErrorSchema }),
]);
export type ChatEvent = z.infer<typeof chatEventSchema>;

/**
 * What has become of the document behind a source since the answer was written. `outdated`: it has a newer version;
 * `superseded`: another document answers in its place.
 */
export type SourceDocumentState = 'current' | 'outdated' | 'superseded' | 'deleted';

/** A stored message as pages and exports see it. */
export interface MessageView {
  readonly id: string;
  readonly role: 'user' | 'assistant';
  readonly content: string;
  readonly state: 'streaming' | 'complete' | 'stopped' | 'failed';
  readonly answerKind: AnswerKind | null;
  readonly error: { readonly code: string; readonly message: string; readonly isRetryable: boolean } | null;
  readonly sources: readonly (Source & { readonly documentState: SourceDocumentState })[];
  readonly citations: readonly Citation[];
  readonly unsupportedSpans: readonly UnsupportedSpan[];
  readonly provenance: Provenance | null;
  readonly feedback: { readonly isHelpful: boolean; readonly comment: string; readonly correction: string } | null;
  /** ISO 8601. */
  readonly createdAt: string;
}

export interface ConversationView {
  readonly id: string;
  readonly title: string;
  /** ISO 8601. */
  readonly updatedAt: string;
}
