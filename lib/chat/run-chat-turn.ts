import type { DatabaseExecutor } from '#db/executor.ts';
import { ensureAnswerConfig, readActiveAnswerConfig } from '#db/repositories/answer-configs.ts';
import { insertConversation, lockConversation } from '#db/repositories/conversations.ts';
import {
  countAttempts,
  findMessage,
  hasStreamingMessage,
  insertMessage,
  listMessagesBefore,
  type Message,
  readNextOrdinal,
  type SettledAnswer,
  settleMessage,
  supersedeMessages,
} from '#db/repositories/messages.ts';
import { createWorkspaceRepository } from '#db/repositories/workspaces.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { AnswerConfig } from '#lib/domain/answer-config.ts';
import type { AnswerKind, ChatEvent, Source } from '#lib/domain/chat.ts';
import { AppError, invalidInput, type PublicError } from '#lib/domain/errors.ts';
import { type AnswerDeps, type AnswerInput, answerQuestion, checkAnswer } from './answer-question.ts';
import { describeFailure, STALE_STREAMING_MS, TURN_TIMEOUT_MS } from './message-view.ts';
import type { RunningGenerations } from './running-generations.ts';

export interface ChatTurnDeps {
  readonly db: DatabaseExecutor;
  readonly answer: AnswerDeps;
  readonly generations: RunningGenerations;
  readonly log: { error(fields: Readonly<Record<string, unknown>>, message: string): void };
  /** The model that serves the workspace: `base`, or an adapter's SHA-256. */
  readonly chooseModel: (access: Authorized<'chat.use'>) => Promise<string>;
  /** Default: the system's clock. */
  readonly now?: () => number;
}

export type ChatTurnInput =
  | {
      readonly kind: 'ask';
      /** Null starts a conversation. */
      readonly conversationId: string | null;
      readonly question: string;
      /** UUID made by the client for this one submit; a second submit with it is refused instead of answered twice. */
      readonly requestId?: string | undefined;
    }
  | { readonly kind: 'regenerate'; readonly messageId: string }
  | { readonly kind: 'edit'; readonly messageId: string; readonly question: string };

/** A turn whose rows exist and whose answer has yet to be written. */
export interface PreparedTurn {
  readonly access: Authorized<'chat.use'>;
  readonly conversationId: string;
  readonly userMessageId: string;
  readonly messageId: string;
  readonly answerInput: AnswerInput;
}

const MAX_QUESTION_CHARACTERS = 4000;
const MAX_TITLE_CHARACTERS = 80;
/** A second try at temperature 0 would repeat the first word for word. */
const REGENERATE_TEMPERATURE = 0.7;

export function makeTitle(question: string): string {
  const line = question.replaceAll(/\s+/g, ' ').trim();
  if (line.length <= MAX_TITLE_CHARACTERS) return line;
  const cut = line.slice(0, MAX_TITLE_CHARACTERS - 1);
  const atWord = cut.lastIndexOf(' ');
  // A half surrogate pair at the cut would be stored as a replacement character.
  const head = atWord > MAX_TITLE_CHARACTERS / 2 ? cut.slice(0, atWord) : cut.replace(/[\uD800-\uDBFF]$/, '');
  return `${head}…`;
}

function checkQuestion(question: string): string {
  const text = question.trim();
  if (text === '') throw invalidInput('the question is empty');
  if (text.length > MAX_QUESTION_CHARACTERS) {
    throw invalidInput(`the question has ${text.length} characters; at most ${MAX_QUESTION_CHARACTERS} are read`);
  }
  // PostgreSQL stores no NUL in text.
  return text.replaceAll('\u0000', '');
}

function alreadyAnswering(): AppError {
  return new AppError({
    code: 'conversation.busy',
    message: 'an answer of this conversation is still being written, or this question was sent twice',
    userMessage: 'The previous answer is still being written. Wait for it or stop it.',
    isRetryable: true,
    retryAfterMs: 2000,
  });
}

/**
 * Create the rows of a turn in one short transaction: conversation, question, an answer in state `streaming`.
 * @throws AppError `conversation.not-found`, `message.not-found`, `conversation.busy`, `input.invalid`
 */
export async function prepareChatTurn(
  deps: ChatTurnDeps,
  access: Authorized<'chat.use'>,
  input: ChatTurnInput,
): Promise<PreparedTurn> {
  const now = deps.now ?? Date.now;
  const workspace = await createWorkspaceRepository(deps.db).read(access);
  const active = await readActiveAnswerConfig(deps.db, access);
  const model = await deps.chooseModel(access);

  const rows = await deps.db.transaction(async (tx) => {
    const place = await findPlace(tx, access, input);
    if (await hasStreamingMessage(tx, access, place.conversationId, new Date(now() - STALE_STREAMING_MS))) {
      throw alreadyAnswering();
    }
    const attempts =
      place.question.kind === 'kept'
        ? await countAttempts(tx, access, place.conversationId, place.question.message.ordinal + 1)
        : 0;
    const stored =
      attempts === 0 ? active : await ensureAnswerConfig(tx, access, varyForAttempt(active.config, attempts));
    let question: Message | undefined;
    if (place.question.kind === 'kept') {
      question = place.question.message;
      await supersedeMessages(tx, access, place.conversationId, question.ordinal + 1);
    } else {
      await supersedeMessages(tx, access, place.conversationId, place.question.ordinal);
      question = await insertMessage(tx, access, {
        ...(place.question.id === undefined ? {} : { id: place.question.id }),
        conversationId: place.conversationId,
        role: 'user',
        ordinal: place.question.ordinal,
        content: place.question.text,
        state: 'complete',
      });
    }
    if (question === undefined) throw alreadyAnswering();
    const answer = await insertMessage(tx, access, {
      conversationId: place.conversationId,
      role: 'assistant',
      ordinal: question.ordinal + 1,
      content: '',
      state: 'streaming',
      answerConfigId: stored.id,
    });
    if (answer === undefined) throw new Error('insert of an answer returned no row');
    const history = await listMessagesBefore(tx, access, place.conversationId, question.ordinal);
    return { conversationId: place.conversationId, question, answer, history, stored };
  });

  return {
    access,
    conversationId: rows.conversationId,
    userMessageId: rows.question.id,
    messageId: rows.answer.id,
    answerInput: {
      question: rows.question.content,
      history: rows.history
        .filter((message) => message.state === 'complete' || message.state === 'stopped')
        .map(({ role, content }) => ({ role, content })),
      model,
      config: rows.stored.config,
      answerConfigId: rows.stored.id,
      instructions: workspace?.instructions ?? '',
    },
  };
}

interface TurnPlace {
  readonly conversationId: string;
  readonly question:
    | { readonly kind: 'kept'; readonly message: Message }
    | { readonly kind: 'new'; readonly text: string; readonly ordinal: number; readonly id?: string | undefined };
}

async function findPlace(
  tx: DatabaseExecutor,
  access: Authorized<'chat.use'>,
  input: ChatTurnInput,
): Promise<TurnPlace> {
  if (input.kind === 'ask') {
    const text = checkQuestion(input.question);
    if (input.conversationId === null) {
      const { id } = await insertConversation(tx, access, makeTitle(text));
      return { conversationId: id, question: { kind: 'new', text, ordinal: 1, id: input.requestId } };
    }
    const { id } = await lockConversation(tx, access, input.conversationId);
    const ordinal = await readNextOrdinal(tx, access, id);
    return { conversationId: id, question: { kind: 'new', text, ordinal, id: input.requestId } };
  }
  const message = await findMessage(tx, access, input.messageId);
  await lockConversation(tx, access, message.conversationId);
  if (input.kind === 'edit') {
    const text = checkQuestion(input.question);
    if (message.role !== 'user') throw invalidInput('only a question can be edited');
    return { conversationId: message.conversationId, question: { kind: 'new', text, ordinal: message.ordinal } };
  }
  if (message.role !== 'assistant') throw invalidInput('only an answer can be written again');
  const earlier = await listMessagesBefore(tx, access, message.conversationId, message.ordinal);
  const question = earlier.findLast(({ role }) => role === 'user');
  if (question === undefined) throw new Error(`answer ${message.id} has no question before it`);
  return { conversationId: message.conversationId, question: { kind: 'kept', message: question } };
}

function varyForAttempt(config: AnswerConfig, attempts: number): AnswerConfig {
  return {
    ...config,
    temperature: Math.max(config.temperature, REGENERATE_TEMPERATURE),
    seed: config.seed + attempts,
  };
}

/**
 * Write the answer of a prepared turn. The row is settled before the event that tells the reader of it: with the checked
 * answer, as `stopped` with the text so far (a stop, a reader who left), or as `failed` with its code. A stop before the
 * sources are known ends the events without `turn-finish`.
 * @param readerSignal aborted when the reader is gone
 */
export async function* streamChatTurn(
  deps: ChatTurnDeps,
  turn: PreparedTurn,
  readerSignal?: AbortSignal,
): AsyncGenerator<ChatEvent, void, void> {
  const { access, messageId } = turn;
  const stop = new AbortController();
  const timeout = AbortSignal.timeout(TURN_TIMEOUT_MS);
  const signal = AbortSignal.any([stop.signal, timeout, ...(readerSignal === undefined ? [] : [readerSignal])]);
  const forget = deps.generations.add(messageId, stop);

  let sources: readonly Source[] = [];
  let text = '';
  let final: { text: string; kind: AnswerKind; checked: Pick<SettledAnswer, 'citations' | 'unsupportedSpans'> } | null =
    null;
  let isSettled = false;

  const settle = async (answer: Partial<SettledAnswer> & Pick<SettledAnswer, 'state'>) => {
    isSettled = true;
    await deps.db.transaction((tx) =>
      settleMessage(tx, access, messageId, {
        content: final?.text ?? text,
        answerKind: final?.kind ?? null,
        errorCode: null,
        provenance: null,
        sources,
        citations: final?.checked.citations ?? [],
        unsupportedSpans: final?.checked.unsupportedSpans ?? [],
        ...answer,
      }),
    );
  };
  const fail = async (code: string) => {
    await settle({
      state: 'failed',
      content: text,
      answerKind: null,
      errorCode: code,
      citations: [],
      unsupportedSpans: [],
    });
  };

  try {
    yield {
      type: 'turn-start',
      conversationId: turn.conversationId,
      userMessageId: turn.userMessageId,
      messageId,
    };
    for await (const event of answerQuestion(deps.answer, access, turn.answerInput, signal)) {
      if (event.type === 'source-list') sources = event.sources;
      if (event.type === 'text-delta') text += event.text;
      if (event.type === 'answer-final') {
        const { citations, unsupportedSpans } = event;
        final = { text: event.text, kind: event.answerKind, checked: { citations, unsupportedSpans } };
      }
      if (event.type === 'turn-finish') {
        if (timeout.aborted && event.state === 'stopped') throw timedOut();
        await settle({ state: event.state, provenance: event.provenance });
      }
      yield event;
    }
  } catch (error) {
    if (signal.aborted && !timeout.aborted && !isSettled) {
      await settle({ state: 'stopped' });
      return;
    }
    const shown = toPublicError(timeout.aborted ? timedOut() : error);
    deps.log.error({ err: error, messageId, code: shown.code }, 'a chat turn failed');
    if (!isSettled) {
      try {
        await fail(shown.code);
      } catch (storeError) {
        deps.log.error({ err: storeError, messageId }, 'the failure of a chat turn could not be stored');
      }
    }
    yield { type: 'turn-error', error: shown };
  } finally {
    forget();
    stop.abort();
    // The reader left the loop in the middle.
    if (!isSettled) {
      const checked = checkAnswer(text, sources, turn.answerInput.question, 'never');
      const kind = text === '' ? null : ('generated' as const);
      await settle({ state: 'stopped', ...checked, content: checked.text, answerKind: kind }).catch(
        (error: unknown) => {
          deps.log.error({ err: error, messageId }, 'a chat turn that its reader left could not be stored');
        },
      );
    }
  }
}

function timedOut(): AppError {
  return new AppError({
    code: 'runtime.timeout',
    message: `the answer took longer than ${TURN_TIMEOUT_MS} ms`,
    isRetryable: true,
  });
}

function toPublicError(error: unknown): PublicError {
  if (!AppError.isInstance(error)) {
    return { code: 'internal', message: 'Something went wrong on our side.', isRetryable: true };
  }
  const described = describeFailure(error.code);
  return { code: error.code, message: described.message, isRetryable: error.isRetryable || described.isRetryable };
}

/**
 * Stop an answer. An answer that no process writes any more is settled as stopped here.
 * @throws AppError `message.not-found`
 */
export async function stopChatTurn(
  deps: Pick<ChatTurnDeps, 'db' | 'generations'>,
  access: Authorized<'chat.use'>,
  messageId: string,
): Promise<void> {
  const message = await findMessage(deps.db, access, messageId);
  if (message.state !== 'streaming' || deps.generations.stop(messageId)) return;
  await deps.db.transaction((tx) =>
    settleMessage(tx, access, messageId, {
      state: 'stopped',
      content: message.content,
      answerKind: null,
      errorCode: null,
      provenance: null,
      sources: [],
      citations: [],
      unsupportedSpans: [],
    }),
  );
}
