'use client';

import { usePathname, useRouter } from 'next/navigation';
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useRef, useState } from 'react';
import { v4 as createUuid } from 'uuid';
import type { ActionResult } from '#app/_server/action.ts';
import { makeCaseFromMessage } from '#app/admin/[workspace]/evaluation/actions.ts';
import type { ConversationView, MessageView } from '#lib/domain/chat.ts';
import { applyChatEvent, endTurn, isRunning, type LiveTurn, startTurn, type TurnError } from '../_state/live-turn.ts';
import { readChatStream } from '../_state/read-chat-stream.ts';
import {
  removeConversation,
  renameConversation,
  restoreConversation,
  saveFeedback,
  searchConversations,
} from '../actions.ts';

export interface TurnRequest {
  readonly question: string;
  readonly conversationId: string | null;
  /** Answer to write again. */
  readonly replacesMessageId?: string;
  /** Question to put this one in the place of. */
  readonly editsMessageId?: string;
}

export type Feedback = NonNullable<MessageView['feedback']>;

/** The page's server actions, bound to the workspace. */
export interface ChatActions {
  readonly rename: (conversationId: string, title: string) => Promise<ActionResult<unknown>>;
  readonly remove: (conversationId: string) => Promise<ActionResult<unknown>>;
  readonly restore: (conversationId: string) => Promise<ActionResult<unknown>>;
  /** Titles and messages; newest first. */
  readonly search: (query: string) => Promise<ActionResult<readonly ConversationView[]>>;
  readonly saveFeedback: (messageId: string, feedback: Feedback) => Promise<ActionResult<unknown>>;
  /** A test case of this question, with what its answer should have been. */
  readonly makeCase: (
    messageId: string,
    fix: { readonly comment: string; readonly correction: string; readonly isUnanswerable: boolean },
  ) => Promise<ActionResult<{ readonly suiteId: string; readonly caseKey: string }>>;
}

export type AdapterNames = Readonly<
  Record<string, { readonly label: string /** Null: deleted. */; readonly versionId: string | null }>
>;

interface ChatContext {
  readonly slug: string;
  readonly canWriteDocuments: boolean;
  readonly canWriteCases: boolean;
  /** By SHA-256; empty for those who may not see adapters. */
  readonly adapterNames: AdapterNames;
  readonly actions: ChatActions;
  readonly turns: readonly LiveTurn[];
  readonly ask: (request: TurnRequest) => string;
  readonly stop: (key: string) => void;
  /** Grows when someone starts a new conversation; the empty page is made anew with it. */
  readonly freshCount: number;
  readonly startFresh: () => void;
  /** Scroll position of each conversation, kept while the page of a new conversation gets its address. */
  readonly scrollPositions: Map<string, number>;
}

/** How long a stopped answer may take to close before the connection is cut. */
const STOP_PATIENCE_MS = 3_000;

const Context = createContext<ChatContext | null>(null);

export function useChat(): ChatContext {
  const context = useContext(Context);
  if (context === null) throw new Error('useChat is used outside of ChatProvider');
  return context;
}

const unreachable: TurnError = {
  code: 'server.unreachable',
  message: 'Lorehouse cannot be reached. Check your connection; your question is kept.',
  isRetryable: true,
};

/** Takes a question and streams the turn. */
const addressOf = (slug: string) => `/api/w/${slug}/chat`;

/** The body that the server takes: what to do, and nothing that it can look up itself. */
function toBody(request: TurnRequest, key: string) {
  const { question, conversationId, replacesMessageId, editsMessageId } = request;
  if (replacesMessageId !== undefined) return { kind: 'regenerate', messageId: replacesMessageId };
  if (editsMessageId !== undefined) return { kind: 'edit', messageId: editsMessageId, question };
  return { kind: 'ask', conversationId, question, requestId: key };
}

function isTurnError(value: unknown): value is TurnError {
  return typeof value === 'object' && value !== null && 'code' in value && 'message' in value && 'isRetryable' in value;
}

/** The server refuses before the stream starts with `{ error }` as JSON; a proxy in between may say anything. */
async function readRefusal(response: Response): Promise<TurnError> {
  const body: unknown = await response.json().catch(() => null);
  if (typeof body === 'object' && body !== null && 'error' in body && isTurnError(body.error)) return body.error;
  return {
    code: `http.${response.status}`,
    message: `The server answered with status ${response.status}.`,
    isRetryable: response.status >= 500 || response.status === 429,
  };
}

/**
 * Owns the turns that run in this browser. It stands above the pages, so an answer keeps streaming while the reader looks
 * at another conversation, and a new conversation can take its address without losing a word.
 */
export function ChatProvider({
  slug,
  canWriteDocuments,
  canWriteCases,
  adapterNames,
  children,
}: {
  readonly slug: string;
  readonly canWriteDocuments: boolean;
  readonly canWriteCases: boolean;
  readonly adapterNames: AdapterNames;
  readonly children: ReactNode;
}) {
  const router = useRouter();
  const pathname = usePathname();
  const pathnameRef = useRef(pathname);
  const turnsRef = useRef<readonly LiveTurn[]>([]);
  const [turns, setTurns] = useState<readonly LiveTurn[]>([]);
  const [freshCount, setFreshCount] = useState(0);
  const aborts = useRef(new Map<string, AbortController>());
  const [scrollPositions] = useState(() => new Map<string, number>());

  const change = useCallback((key: string, update: (turn: LiveTurn) => LiveTurn) => {
    setTurns((all) => all.map((turn) => (turn.key === key ? update(turn) : turn)));
  }, []);

  const run = useCallback(
    async (key: string, request: TurnRequest, signal: AbortSignal) => {
      const base = `/w/${slug}/chat`;
      const endpoint = addressOf(slug);
      let conversationId = request.conversationId;
      try {
        const response = await fetch(endpoint, {
          method: 'POST',
          headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
          body: JSON.stringify(toBody(request, key)),
          signal,
        });
        if (!response.ok || response.body === null) {
          const error = await readRefusal(response);
          change(key, (turn) => applyChatEvent(turn, { type: 'turn-error', error }, Date.now()));
          return;
        }
        for await (const event of readChatStream(response.body)) {
          if (event.type === 'turn-start') {
            if (conversationId === null && pathnameRef.current === base) {
              // A reload finds the stored conversation. Its page takes the place of the empty one now, while the answer only
              // begins: at the end it would close what the reader has opened meanwhile.
              window.history.replaceState(null, '', `${base}/${event.conversationId}`);
              router.refresh();
            }
            conversationId = event.conversationId;
          }
          change(key, (turn) => applyChatEvent(turn, event, Date.now()));
        }
        change(key, (turn) => endTurn(turn, 'disconnected'));
      } catch (error) {
        const isAborted = signal.aborted;
        change(key, (turn) => {
          if (isAborted) return endTurn(turn, 'stopped');
          if (turn.phase === 'streaming') return endTurn(turn, 'disconnected');
          return applyChatEvent(turn, { type: 'turn-error', error: unreachable }, Date.now());
        });
        if (!isAborted && !(error instanceof TypeError) && !(error instanceof DOMException)) throw error;
      } finally {
        aborts.current.delete(key);
        // The stored conversation takes over: its list entry, its provenance, its feedback.
        router.refresh();
      }
    },
    [change, router, slug],
  );

  const ask = useCallback(
    (request: TurnRequest) => {
      // Not `crypto.randomUUID`: browsers have it on https and localhost only.
      const key = createUuid();
      const controller = new AbortController();
      aborts.current.set(key, controller);
      const turn = startTurn({ ...request, key, nowMs: Date.now() });
      setTurns((all) => [
        ...all.filter((other) => isRunning(other) || other.conversationId !== request.conversationId),
        turn,
      ]);
      void run(key, request, controller.signal);
      return key;
    },
    [run],
  );

  // Read by work that outlives a render: the stream and the stop button.
  useEffect(() => {
    pathnameRef.current = pathname;
    turnsRef.current = turns;
  }, [pathname, turns]);
  const stop = useCallback(
    (key: string) => {
      const controller = aborts.current.get(key);
      const messageId = turnsRef.current.find((turn) => turn.key === key)?.messageId ?? null;
      if (messageId === null) {
        controller?.abort();
        return;
      }
      // The server ends the answer and checks what is there; the stream then closes by itself. If it does not, we hang up.
      const hangUp = setTimeout(() => controller?.abort(), STOP_PATIENCE_MS);
      controller?.signal.addEventListener('abort', () => clearTimeout(hangUp), { once: true });
      fetch(`${addressOf(slug)}/messages/${messageId}/stop`, { method: 'POST' }).catch(() => controller?.abort());
    },
    [slug],
  );
  const startFresh = useCallback(() => setFreshCount((count) => count + 1), []);

  const actions = useMemo(
    (): ChatActions => ({
      rename: (conversationId, title) => renameConversation({ workspace: slug, conversationId, title }),
      remove: (conversationId) => removeConversation({ workspace: slug, conversationId }),
      restore: (conversationId) => restoreConversation({ workspace: slug, conversationId }),
      search: (query) => searchConversations({ workspace: slug, query }),
      saveFeedback: (messageId, feedback) => saveFeedback({ workspace: slug, messageId, ...feedback }),
      makeCase: (messageId, fix) => makeCaseFromMessage({ workspace: slug, messageId, ...fix }),
    }),
    [slug],
  );

  const value = useMemo(
    (): ChatContext => ({
      slug,
      canWriteDocuments,
      canWriteCases,
      adapterNames,
      actions,
      turns,
      ask,
      stop,
      freshCount,
      startFresh,
      scrollPositions,
    }),
    [
      slug,
      canWriteDocuments,
      canWriteCases,
      adapterNames,
      actions,
      turns,
      ask,
      stop,
      freshCount,
      startFresh,
      scrollPositions,
    ],
  );
  return <Context value={value}>{children}</Context>;
}
