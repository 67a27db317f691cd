import type { ChatEvent, Citation, MessageView, Provenance, Source, UnsupportedSpan } from '#lib/domain/chat.ts';
import { assertNever } from '#lib/domain/errors.ts';

export type Stage = Extract<ChatEvent, { type: 'stage-update' }>['stage'];
export type TurnError = Extract<ChatEvent, { type: 'turn-error' }>['error'];

/** One question and its answer while the server works on it, as the events told so far. */
export interface LiveTurn {
  /** Ours, made before the server has said anything. */
  readonly key: string;
  readonly question: string;
  /** Stored answer that this turn replaces; null for a new question. */
  readonly replacesMessageId: string | null;
  /** Stored question that this turn rewrites; null otherwise. */
  readonly editsMessageId: string | null;
  readonly startedAtMs: number;
  readonly phase: 'sending' | 'streaming' | 'complete' | 'stopped' | 'failed';
  readonly conversationId: string | null;
  readonly userMessageId: string | null;
  readonly messageId: string | null;
  readonly stage: Stage | null;
  readonly stageStartedAtMs: number;
  readonly sources: readonly Source[];
  readonly text: string;
  readonly isChecked: boolean;
  readonly answerKind: MessageView['answerKind'];
  readonly citations: readonly Citation[];
  readonly unsupportedSpans: readonly UnsupportedSpan[];
  readonly provenance: Provenance | null;
  readonly error: TurnError | null;
}

export function startTurn(input: {
  readonly key: string;
  readonly question: string;
  readonly conversationId: string | null;
  readonly replacesMessageId?: string | null;
  readonly editsMessageId?: string | null;
  readonly nowMs: number;
}): LiveTurn {
  return {
    key: input.key,
    question: input.question,
    replacesMessageId: input.replacesMessageId ?? null,
    editsMessageId: input.editsMessageId ?? null,
    startedAtMs: input.nowMs,
    phase: 'sending',
    conversationId: input.conversationId,
    userMessageId: null,
    messageId: null,
    stage: null,
    stageStartedAtMs: input.nowMs,
    sources: [],
    text: '',
    isChecked: false,
    answerKind: null,
    citations: [],
    unsupportedSpans: [],
    provenance: null,
    error: null,
  };
}

export const isRunning = (turn: LiveTurn) => turn.phase === 'sending' || turn.phase === 'streaming';

/** Fold one event into the turn. Events after the end are ignored: a late delta never reopens a stopped answer. */
export function applyChatEvent(turn: LiveTurn, event: ChatEvent, nowMs: number): LiveTurn {
  if (!isRunning(turn)) return turn;
  switch (event.type) {
    case 'turn-start':
      return {
        ...turn,
        phase: 'streaming',
        conversationId: event.conversationId,
        userMessageId: event.userMessageId,
        messageId: event.messageId,
      };
    case 'stage-update':
      return event.stage === turn.stage ? turn : { ...turn, stage: event.stage, stageStartedAtMs: nowMs };
    case 'source-list':
      return { ...turn, sources: event.sources };
    case 'text-delta':
      return {
        ...turn,
        text: turn.text + event.text,
        ...(turn.stage === 'writing' ? {} : { stage: 'writing' as const, stageStartedAtMs: nowMs }),
      };
    case 'answer-final':
      return {
        ...turn,
        text: event.text,
        isChecked: true,
        answerKind: event.answerKind,
        citations: event.citations,
        unsupportedSpans: event.unsupportedSpans,
      };
    case 'turn-finish':
      return { ...turn, phase: event.state, provenance: event.provenance, stage: null };
    case 'turn-error':
      return { ...turn, phase: 'failed', error: event.error, stage: null };
    default:
      return assertNever(event);
  }
}

/** The stream ended without `turn-finish` or `turn-error`: the reader stopped it, or the connection broke. */
export function endTurn(turn: LiveTurn, reason: 'stopped' | 'disconnected'): LiveTurn {
  if (!isRunning(turn)) return turn;
  if (reason === 'stopped') return { ...turn, phase: 'stopped', stage: null };
  return {
    ...turn,
    phase: 'failed',
    stage: null,
    error: {
      code: 'connection.lost',
      message: 'The connection broke before the answer was finished.',
      isRetryable: true,
    },
  };
}

/** Message of the page: a stored one, or one that still exists only in the stream. */
export interface ShownMessage extends MessageView {
  /** Set on the answer of a turn in this browser. */
  readonly turn: LiveTurn | null;
}

function toAnswer(turn: LiveTurn): ShownMessage {
  return {
    id: turn.messageId ?? `${turn.key}-answer`,
    role: 'assistant',
    content: turn.text,
    state: turn.phase === 'sending' ? 'streaming' : turn.phase,
    answerKind: turn.answerKind,
    error: turn.error,
    sources: turn.sources.map((source) => ({ ...source, documentState: 'current' as const })),
    citations: turn.citations,
    unsupportedSpans: turn.unsupportedSpans,
    provenance: turn.provenance,
    feedback: null,
    createdAt: new Date(turn.startedAtMs).toISOString(),
    turn,
  };
}

function toQuestion(turn: LiveTurn): ShownMessage {
  return {
    id: turn.userMessageId ?? `${turn.key}-question`,
    role: 'user',
    content: turn.question,
    state: 'complete',
    answerKind: null,
    error: null,
    sources: [],
    citations: [],
    unsupportedSpans: [],
    provenance: null,
    feedback: null,
    createdAt: new Date(turn.startedAtMs).toISOString(),
    turn: null,
  };
}

/**
 * What the page shows: the stored messages with the live turn laid over them. A stored answer wins as soon as it is no
 * longer `streaming`, so feedback and the state of its documents come from the server.
 */
export function mergeMessages(stored: readonly MessageView[], turn: LiveTurn | null): ShownMessage[] {
  const shown = stored.map((message): ShownMessage => ({ ...message, turn: null }));
  if (turn === null) return shown;
  const isStored = stored.some((message) => message.id === turn.messageId && message.state !== 'streaming');
  if (isStored) return shown;

  const answer = toAnswer(turn);
  const cutAt = shown.findIndex(
    (message) =>
      message.id === turn.replacesMessageId ||
      message.id === turn.editsMessageId ||
      message.id === turn.userMessageId ||
      message.id === turn.messageId,
  );
  const before = cutAt === -1 ? shown : shown.slice(0, cutAt);
  const last = before.at(-1);
  const isQuestionShown = last?.role === 'user' && turn.replacesMessageId !== null;
  return isQuestionShown ? [...before, answer] : [...before, toQuestion(turn), answer];
}
