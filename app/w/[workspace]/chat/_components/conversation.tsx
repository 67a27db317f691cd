'use client';

import { ArrowDown, BookOpenText, FileUp, LoaderCircle } from 'lucide-react';
import Link from 'next/link';
import { useRouter, useSearchParams } from 'next/navigation';
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { Button } from '#app/_components/ui/button.tsx';
import { Sheet } from '#app/_components/ui/dialog.tsx';
import { EmptyState } from '#app/_components/ui/page.tsx';
import type { MessageView } from '#lib/domain/chat.ts';
import { supportedFormats } from '#lib/ingestion/formats.ts';
import { isRunning, type LiveTurn, mergeMessages, type ShownMessage } from '../_state/live-turn.ts';
import { Answer } from './answer.tsx';
import { useChat } from './chat-provider.tsx';
import { Composer } from './composer.tsx';
import { Question } from './question.tsx';
import { SourcePanel } from './source-panel.tsx';
import { stageLabels } from './stage-line.tsx';
import { useMediaQuery } from './use-media-query.ts';

/** How near to the end counts as “reading along”: then new text keeps itself in view. */
const FOLLOW_DISTANCE_PX = 120;
/** A stored answer that is still being written elsewhere (another tab, before a reload) is looked at this often. */
const RECOVERY_POLL_MS = 2_000;

export interface DocumentCounts {
  readonly indexed: number;
  /** Queued or being read. */
  readonly pending: number;
}

function announce(turn: LiveTurn | null): string {
  if (turn === null) return '';
  if (isRunning(turn)) return turn.stage === null ? 'Question sent' : stageLabels[turn.stage];
  if (turn.phase === 'failed') return 'The answer failed';
  if (turn.phase === 'stopped') return 'The answer was stopped';
  const count = turn.sources.length;
  return `The answer is complete, with ${count} ${count === 1 ? 'passage' : 'passages'}`;
}

function StartPage({
  workspaceName,
  suggestedQuestions,
  documents,
  onAsk,
}: {
  readonly workspaceName: string;
  readonly suggestedQuestions: readonly string[];
  readonly documents: DocumentCounts;
  readonly onAsk: (question: string) => void;
}) {
  const { slug, canWriteDocuments } = useChat();
  if (documents.indexed === 0) {
    const isReading = documents.pending > 0;
    return (
      <div className="mx-auto w-full max-w-2xl px-4 py-10 sm:py-20">
        <EmptyState
          icon={isReading ? <LoaderCircle className="animate-spin" aria-hidden /> : <BookOpenText aria-hidden />}
          title={isReading ? 'Your documents are being read' : 'No documents yet'}
          actions={
            <Button asChild look={isReading ? 'secondary' : 'primary'}>
              <Link href={canWriteDocuments ? `/admin/${slug}/documents` : `/w/${slug}/sources`}>
                <FileUp aria-hidden />
                {isReading ? 'See the progress' : canWriteDocuments ? 'Add documents' : 'Open sources'}
              </Link>
            </Button>
          }
        >
          {isReading
            ? `${documents.pending} ${documents.pending === 1 ? 'document is' : 'documents are'} on the way. You can ask as soon as the first one is ready.`
            : canWriteDocuments
              ? `Lorehouse answers from the manuals of ${workspaceName} and from nothing else. Add documents to begin: ${supportedFormats}.`
              : `Nobody has added a document to ${workspaceName}. Ask an admin of the workspace to add the first one.`}
        </EmptyState>
      </div>
    );
  }
  return (
    <div className="mx-auto w-full max-w-3xl px-4 pb-6 pt-12 sm:px-8 sm:pt-[14vh]">
      <h1 className="max-w-xl font-serif text-[2rem] font-semibold leading-[1.15] tracking-[-0.015em] sm:text-[2.5rem]">
        What would you like to know?
      </h1>
      <p className="mt-3 text-[0.9375rem] leading-relaxed text-ink-soft">
        Answers come from the {documents.indexed} {documents.indexed === 1 ? 'document' : 'documents'} of{' '}
        {workspaceName}, each with the page that says so.
      </p>
      {suggestedQuestions.length > 0 ? (
        <ul className="mt-8 divide-y divide-line border-y border-line">
          {suggestedQuestions.map((question) => (
            <li key={question}>
              <button
                type="button"
                onClick={() => onAsk(question)}
                className="group flex w-full items-baseline gap-3 py-3.5 text-left font-serif text-[1.0625rem] leading-snug text-ink transition-colors hover:text-accent-text"
              >
                <span className="flex-1">{question}</span>
                <span
                  aria-hidden
                  className="text-ink-faint transition-transform group-hover:translate-x-1 group-hover:text-accent-text"
                >
                  →
                </span>
              </button>
            </li>
          ))}
        </ul>
      ) : null}
    </div>
  );
}

export function Conversation({
  conversationId,
  title,
  stored,
  workspaceName,
  suggestedQuestions,
  documents,
}: {
  /** Null: a new conversation. */
  readonly conversationId: string | null;
  readonly title: string | null;
  readonly stored: readonly MessageView[];
  readonly workspaceName: string;
  readonly suggestedQuestions: readonly string[];
  readonly documents: DocumentCounts;
}) {
  const { turns, ask, stop, scrollPositions } = useChat();
  const router = useRouter();
  const searchParams = useSearchParams();
  const [ownKey, setOwnKey] = useState<string | null>(null);
  const turn =
    turns.findLast((each) =>
      conversationId === null ? each.key === ownKey : each.conversationId === conversationId,
    ) ?? null;
  const messages = useMemo(() => mergeMessages(stored, turn), [stored, turn]);
  const isBusy = turn !== null && isRunning(turn);
  const activeConversationId = conversationId ?? turn?.conversationId ?? null;

  const inputRef = useRef<HTMLTextAreaElement>(null);
  const scrollRef = useRef<HTMLDivElement>(null);
  const contentRef = useRef<HTMLDivElement>(null);
  const isFollowing = useRef(true);
  const [isAwayFromEnd, setAwayFromEnd] = useState(false);
  const isWide = useMediaQuery('(min-width: 1180px)');

  // Source panel: in the address, so that a link to a passage can be sent to a colleague.
  const openMessageId = searchParams.get('message');
  const openNumber = Number(searchParams.get('source'));
  const openMessage = messages.find((message) => message.id === openMessageId) ?? null;
  const openSource = openMessage?.sources.find((source) => source.number === openNumber) ?? null;

  const openPanel = useCallback((messageId: string, sourceNumber: number) => {
    const url = new URL(window.location.href);
    const isOpen = url.searchParams.has('source');
    url.searchParams.set('message', messageId);
    url.searchParams.set('source', String(sourceNumber));
    // One step back closes the panel, however many passages were looked at.
    window.history[isOpen ? 'replaceState' : 'pushState'](null, '', url);
  }, []);
  const closePanel = useCallback(() => {
    const url = new URL(window.location.href);
    url.searchParams.delete('message');
    url.searchParams.delete('source');
    window.history.replaceState(null, '', url);
  }, []);

  const scrollToEnd = useCallback((behavior: ScrollBehavior) => {
    const box = scrollRef.current;
    box?.scrollTo({ top: box.scrollHeight, behavior });
  }, []);

  const send = (question: string, more: { replacesMessageId?: string; editsMessageId?: string } = {}) => {
    isFollowing.current = true;
    setOwnKey(ask({ question, conversationId: activeConversationId, ...more }));
  };

  const isPlaced = useRef(false);
  useLayoutEffect(() => {
    const box = scrollRef.current;
    if (box === null || isPlaced.current) return;
    isPlaced.current = true;
    const kept = conversationId === null ? undefined : scrollPositions.get(conversationId);
    box.scrollTop = kept ?? box.scrollHeight;
  }, [conversationId, scrollPositions]);

  // Whatever makes the text longer (words, passages, a font that arrives): who reads along stays at the end.
  useEffect(() => {
    const box = scrollRef.current;
    const content = contentRef.current;
    if (box === null || content === null) return undefined;
    const observer = new ResizeObserver(() => {
      if (isFollowing.current) box.scrollTop = box.scrollHeight;
    });
    observer.observe(content);
    return () => observer.disconnect();
  }, []);

  // Written in another tab or before a reload: the stored conversation is the truth, so look again until it is finished.
  const isWrittenElsewhere = turn === null && stored.at(-1)?.state === 'streaming';
  useEffect(() => {
    if (!isWrittenElsewhere) return undefined;
    const timer = setInterval(() => router.refresh(), RECOVERY_POLL_MS);
    return () => clearInterval(timer);
  }, [isWrittenElsewhere, router]);

  useEffect(() => {
    // Whoever is at work elsewhere on the page keeps the focus.
    const isFree = document.activeElement === null || document.activeElement === document.body;
    if (isFree && window.matchMedia('(pointer: fine)').matches) inputRef.current?.focus({ preventScroll: true });
  }, []);

  const regenerate = useCallback(
    (answer: ShownMessage) => {
      const index = messages.findIndex((message) => message.id === answer.id);
      const question = messages.slice(0, index).findLast((message) => message.role === 'user');
      if (question === undefined) return;
      isFollowing.current = true;
      const refused = answer.turn?.messageId === null ? answer.turn : null;
      // A turn that the server never stored is sent again as it was; a stored answer is written again in its place.
      const place =
        refused === null
          ? { replacesMessageId: answer.id }
          : {
              ...(refused.replacesMessageId === null ? {} : { replacesMessageId: refused.replacesMessageId }),
              ...(refused.editsMessageId === null ? {} : { editsMessageId: refused.editsMessageId }),
            };
      setOwnKey(ask({ question: question.content, conversationId: activeConversationId, ...place }));
    },
    [messages, ask, activeConversationId],
  );

  const lastQuestionId = messages.findLast((message) => message.role === 'user')?.id;
  const lastAnswerId = messages.findLast((message) => message.role === 'assistant')?.id;

  const panel =
    openMessage !== null && openSource !== null ? (
      <SourcePanel
        key={openMessage.id}
        message={openMessage}
        source={openSource}
        onSelect={(number) => openPanel(openMessage.id, number)}
        onClose={closePanel}
      />
    ) : null;

  return (
    <div className="flex h-[calc(100dvh-3.5rem)] lg:h-dvh">
      <div className="relative flex min-w-0 flex-1 flex-col">
        {title === null ? null : <h1 className="sr-only">{title}</h1>}
        <div
          ref={scrollRef}
          className="min-h-0 flex-1 overflow-y-auto overscroll-contain"
          onScroll={(event) => {
            const box = event.currentTarget;
            const distance = box.scrollHeight - box.scrollTop - box.clientHeight;
            isFollowing.current = distance < FOLLOW_DISTANCE_PX;
            setAwayFromEnd(distance > 3 * FOLLOW_DISTANCE_PX);
            if (activeConversationId !== null) scrollPositions.set(activeConversationId, box.scrollTop);
          }}
        >
          <div ref={contentRef}>
            {messages.length === 0 ? (
              <StartPage
                workspaceName={workspaceName}
                suggestedQuestions={suggestedQuestions}
                documents={documents}
                onAsk={send}
              />
            ) : (
              <div className="mx-auto flex w-full max-w-3xl flex-col px-4 pb-10 pt-6 sm:px-8 sm:pt-10">
                {messages.map((message, index) =>
                  message.role === 'user' ? (
                    <div key={message.id} className={index === 0 ? '' : 'mt-10 border-t border-line pt-9'}>
                      <Question
                        text={message.content}
                        canEdit={message.id === lastQuestionId && !isBusy && activeConversationId !== null}
                        onEdit={(text) => send(text, { editsMessageId: message.id })}
                      />
                    </div>
                  ) : (
                    <div key={message.id} className="mt-4">
                      <Answer
                        message={message}
                        isLast={message.id === lastAnswerId && !isBusy}
                        openNumber={openMessage?.id === message.id ? (openSource?.number ?? null) : null}
                        onOpenSource={openPanel}
                        onRegenerate={regenerate}
                      />
                    </div>
                  ),
                )}
              </div>
            )}
          </div>
        </div>

        <div className="relative shrink-0 px-4 pt-1 pb-[max(1rem,env(safe-area-inset-bottom))] sm:px-8">
          <div
            aria-hidden
            className="pointer-events-none absolute inset-x-0 -top-6 h-6 bg-gradient-to-t from-paper to-transparent"
          />
          {isAwayFromEnd && messages.length > 0 ? (
            <Button
              size="icon-sm"
              aria-label="Go to the newest answer"
              className="absolute -top-11 left-1/2 -translate-x-1/2 animate-appear rounded-full shadow-float"
              onClick={() => scrollToEnd('smooth')}
            >
              <ArrowDown aria-hidden />
            </Button>
          ) : null}
          <div className="mx-auto w-full max-w-[44rem]">
            <Composer
              inputRef={inputRef}
              placeholder={messages.length === 0 ? 'Ask about your documents' : 'Ask a follow-up'}
              isRunning={isBusy}
              isDisabled={documents.indexed === 0}
              onSend={(question) => send(question)}
              onStop={() => {
                if (turn !== null) stop(turn.key);
                inputRef.current?.focus();
              }}
            />
            <p className="mt-2 text-center text-xs text-ink-faint">
              Every claim links to its page. What no passage says is underlined.
            </p>
          </div>
        </div>
        <output className="sr-only">{announce(turn)}</output>
      </div>

      {panel === null ? null : isWide ? (
        <aside
          aria-label="Source"
          className="w-[48%] max-w-[50rem] shrink-0 animate-appear border-l border-line bg-raised"
        >
          {panel}
        </aside>
      ) : (
        <Sheet
          isOpen
          onOpenChange={(isOpen) => {
            if (!isOpen) closePanel();
          }}
          side="right"
          title="Source"
          className="w-full bg-raised sm:w-[min(42rem,92vw)]"
        >
          {panel}
        </Sheet>
      )}
    </div>
  );
}
