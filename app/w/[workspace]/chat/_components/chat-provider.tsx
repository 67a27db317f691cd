'use client';

import { usePathname, useRouter } from 'next/navigation';
import { createContext, type ReactNode, useCallback, useContext, useMemo, useRef, useState } from 'react';
import type { ChatActions } from '../_state/chat-port.ts';
import { applyChatEvent, endTurn, isRunning, type LiveTurn, startTurn, type TurnError } from '../_state/live-turn.ts';
import { readChatStream } from '../_state/read-chat-stream.ts';

export interface TurnRequest {
  readonly question: string;
  readonly conversationId: string | null;
  /** Answer to write again. */
  readonly replacesMessageId?: string;
  /** Question to put this one in the place of. */
  readonly editsMessageId?: string;
}

interface ChatContext {
  readonly slug: string;
  readonly canWriteDocuments: boolean;
  readonly actions: ChatActions;
  readonly turns: readonly LiveTurn[];
  readonly ask: (request: TurnRequest) => string;
  readonly stop: (key: string) => void;
  readonly forget: (key: string) => void;
  /** Grows when someone starts a new conversation; the empty page is made anew with it. */
  readonly freshCount: number;
  readonly startFresh: () => void;
  /** Scroll position of each conversation, kept while the page of a new conversation gets its address. */
  readonly scrollPositions: Map<string, number>;
}

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
  endpoint,
  canWriteDocuments,
  actions,
  children,
}: {
  readonly slug: string;
  /** Address that takes a question and streams the turn. */
  readonly endpoint: string;
  readonly canWriteDocuments: boolean;
  readonly actions: ChatActions;
  readonly children: ReactNode;
}) {
  const router = useRouter();
  const pathname = usePathname();
  const pathnameRef = useRef(pathname);
  pathnameRef.current = pathname;
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
              // Shallow: the page that streams stays as it is, and a reload finds the stored conversation.
              window.history.replaceState(null, '', `${base}/${event.conversationId}`);
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
    [change, endpoint, router, slug],
  );

  const ask = useCallback(
    (request: TurnRequest) => {
      const key = crypto.randomUUID();
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

  const stop = useCallback((key: string) => aborts.current.get(key)?.abort(), []);
  const forget = useCallback((key: string) => setTurns((all) => all.filter((turn) => turn.key !== key)), []);
  const startFresh = useCallback(() => setFreshCount((count) => count + 1), []);

  const value = useMemo(
    (): ChatContext => ({
      slug,
      canWriteDocuments,
      actions,
      turns,
      ask,
      stop,
      forget,
      freshCount,
      startFresh,
      scrollPositions,
    }),
    [slug, canWriteDocuments, actions, turns, ask, stop, forget, freshCount, startFresh, scrollPositions],
  );
  return <Context value={value}>{children}</Context>;
}
