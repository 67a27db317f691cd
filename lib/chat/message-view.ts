import type { MessageRecord } from '#db/repositories/messages.ts';
import { type MessageView, provenanceSchema } from '#lib/domain/chat.ts';
import type { PublicError } from '#lib/domain/errors.ts';

/**
 * A turn never takes longer: it is ended with an error by then. So a row that is older and still `streaming` belongs to a web
 * process that died, and is shown as failed.
 */
export const TURN_TIMEOUT_MS = 4 * 60_000;
export const STALE_STREAMING_MS = TURN_TIMEOUT_MS + 60_000;

/** What people read for the code of a failed answer. */
const failureMessages: Readonly<Record<string, string>> = {
  'runtime.unavailable': 'The model server stopped while it wrote this answer. It restarts by itself.',
  'runtime.busy': 'The model server has too many questions waiting.',
  'runtime.timeout': 'The answer took too long and was given up.',
  'runtime.prompt-too-long': 'The question and its passages are too long for the model.',
  'runtime.model-unknown': 'The model that should answer is not loaded.',
  'adapter.artifact-missing': 'The file of the adapter that serves this workspace is missing from the server.',
  'adapter.checksum-mismatch': 'The file of the adapter that serves this workspace is damaged.',
  'adapter.unloadable': 'The adapter that serves this workspace does not load on the base model.',
  'message.interrupted': 'The server stopped while it wrote this answer.',
};

const notRetryable = new Set([
  'runtime.prompt-too-long',
  'runtime.model-unknown',
  'adapter.artifact-missing',
  'adapter.checksum-mismatch',
  'adapter.unloadable',
]);

export function describeFailure(code: string): PublicError {
  return {
    code,
    message: failureMessages[code] ?? 'The answer failed.',
    isRetryable: !notRetryable.has(code),
  };
}

/** @param nowMs decides which unfinished answers count as interrupted */
export function toMessageView(record: MessageRecord, nowMs: number): MessageView {
  const { message } = record;
  const isInterrupted = message.state === 'streaming' && nowMs - message.createdAt.getTime() > STALE_STREAMING_MS;
  const errorCode = isInterrupted ? 'message.interrupted' : message.errorCode;
  const provenance = provenanceSchema.safeParse(message.provenance);
  return {
    id: message.id,
    role: message.role,
    content: message.content,
    state: isInterrupted ? 'failed' : message.state,
    answerKind: message.answerKind,
    error: errorCode === null ? null : describeFailure(errorCode),
    sources: record.sources,
    citations: record.citations,
    unsupportedSpans: record.unsupportedSpans,
    provenance: provenance.success ? provenance.data : null,
    feedback: record.feedback,
    createdAt: message.createdAt.toISOString(),
  };
}
