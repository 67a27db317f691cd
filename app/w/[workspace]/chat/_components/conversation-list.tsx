'use client';

import { Ellipsis, Pencil, Plus, Search, Trash2, X } from 'lucide-react';
import Link from 'next/link';
import { usePathname, useRouter } from 'next/navigation';
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { toast } from 'sonner';
import { classNames } from '#app/_components/ui/class-names.ts';
import { Menu, MenuItem } from '#app/_components/ui/menu.tsx';
import type { ConversationView } from '#lib/domain/chat.ts';
import { groupByDay } from '../_state/group-by-day.ts';
import { isRunning } from '../_state/live-turn.ts';
import { useChat } from './chat-provider.tsx';

/** After the last keystroke, before the server is asked. */
const SEARCH_DELAY_MS = 200;
const UNDO_MS = 8_000;

const subscribeNever = () => () => undefined;
/** Midnight where the reader is; the server does not know it. */
const readToday = () => new Date().setHours(0, 0, 0, 0);

function RenameForm({
  conversation,
  onDone,
}: {
  readonly conversation: ConversationView;
  readonly onDone: (title: string | null) => void;
}) {
  const isSettled = useRef(false);
  const finish = (title: string | null) => {
    if (isSettled.current) return;
    isSettled.current = true;
    onDone(title);
  };
  return (
    <form
      className="px-1 py-0.5"
      onSubmit={(event) => {
        event.preventDefault();
        const value = new FormData(event.currentTarget).get('title');
        finish(typeof value === 'string' ? value : null);
      }}
    >
      <input
        name="title"
        aria-label="Name of the conversation"
        ref={(element) => element?.focus()}
        defaultValue={conversation.title}
        maxLength={120}
        onFocus={(event) => event.currentTarget.select()}
        onBlur={(event) => finish(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') finish(null);
        }}
        className="h-8 w-full rounded-md border border-spine-soft bg-spine-raised px-2 text-[0.8125rem] text-spine-ink"
      />
    </form>
  );
}

export function ConversationList({ conversations }: { readonly conversations: readonly ConversationView[] }) {
  const { slug, actions, turns, startFresh } = useChat();
  const router = useRouter();
  const pathname = usePathname();
  const searchRef = useRef<HTMLInputElement>(null);
  const [query, setQuery] = useState('');
  const [matches, setMatches] = useState<{ query: string; found: readonly ConversationView[] } | null>(null);
  const [renamingId, setRenamingId] = useState<string | null>(null);
  const [titles, setTitles] = useState<Readonly<Record<string, string>>>({});
  const [deletedIds, setDeletedIds] = useState<readonly string[]>([]);
  const todayMs = useSyncExternalStore(subscribeNever, readToday, () => null);
  const base = `/w/${slug}/chat`;
  const trimmed = query.trim();

  useEffect(() => {
    if (trimmed === '') return undefined;
    let isCurrent = true;
    const search = async () => {
      const result = await actions.search(trimmed);
      if (!isCurrent) return;
      if (result.ok) setMatches({ query: trimmed, found: result.data });
      else toast.error(result.error.message);
    };
    const timer = setTimeout(() => void search(), SEARCH_DELAY_MS);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [trimmed, actions]);

  useEffect(() => {
    const focusSearch = (event: KeyboardEvent) => {
      const isTyping =
        event.target instanceof Element && event.target.closest('input, textarea, select, [contenteditable]') !== null;
      const isShortcut =
        (event.key === '/' && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) ||
        (event.key.toLowerCase() === 'k' && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey);
      const input = searchRef.current;
      // On phones the list lives in the closed drawer.
      if (!isShortcut || input === null || input.offsetParent === null) return;
      event.preventDefault();
      input.focus();
      input.select();
    };
    window.addEventListener('keydown', focusSearch);
    return () => window.removeEventListener('keydown', focusSearch);
  }, []);

  const shown = useMemo(() => {
    const all =
      trimmed === ''
        ? conversations
        : matches?.query === trimmed
          ? matches.found
          : conversations.filter(({ title }) => title.toLowerCase().includes(trimmed.toLowerCase()));
    return all
      .filter(({ id }) => !deletedIds.includes(id))
      .map((conversation) => ({ ...conversation, title: titles[conversation.id] ?? conversation.title }));
  }, [conversations, trimmed, matches, deletedIds, titles]);

  const groups = groupByDay(shown, todayMs === null ? null : new Date(todayMs));

  const rename = async (conversation: ConversationView, title: string | null) => {
    setRenamingId(null);
    const next = title?.trim() ?? '';
    if (next === '' || next === conversation.title) return;
    setTitles((known) => ({ ...known, [conversation.id]: next }));
    const result = await actions.rename(conversation.id, next);
    if (!result.ok) {
      setTitles((known) => ({ ...known, [conversation.id]: conversation.title }));
      toast.error(result.error.message);
    }
    router.refresh();
  };

  const remove = async (conversation: ConversationView) => {
    setDeletedIds((ids) => [...ids, conversation.id]);
    const show = () => setDeletedIds((ids) => ids.filter((id) => id !== conversation.id));
    const undo = async () => {
      const restored = await actions.restore(conversation.id);
      if (restored.ok) show();
      else toast.error(restored.error.message);
      router.refresh();
    };
    const result = await actions.remove(conversation.id);
    if (!result.ok) {
      show();
      toast.error(result.error.message);
      return;
    }
    if (pathname === `${base}/${conversation.id}`) {
      startFresh();
      router.push(base);
    }
    router.refresh();
    toast('Conversation deleted', {
      description: conversation.title,
      duration: UNDO_MS,
      action: {
        label: 'Undo',
        onClick: () => void undo(),
      },
    });
  };

  return (
    <div className="flex min-h-0 flex-1 flex-col border-t border-spine-line pt-3">
      <div className="flex items-center gap-2 px-3">
        <div className="relative min-w-0 flex-1">
          <Search
            aria-hidden
            className="pointer-events-none absolute left-2.5 top-1/2 size-3.5 -translate-y-1/2 text-spine-soft"
          />
          <input
            ref={searchRef}
            type="search"
            value={query}
            onChange={(event) => setQuery(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === 'Escape') {
                setQuery('');
                event.currentTarget.blur();
              }
            }}
            placeholder="Search"
            aria-label="Search conversations"
            aria-keyshortcuts="/ Control+K"
            className="h-9 w-full rounded-md border border-spine-line bg-transparent pl-8 pr-8 text-[0.8125rem] text-spine-ink placeholder:text-spine-soft hover:border-spine-soft [&::-webkit-search-cancel-button]:hidden"
          />
          {query === '' ? (
            <kbd
              aria-hidden
              className="absolute right-2 top-1/2 -translate-y-1/2 rounded border border-spine-line px-1.5 font-sans text-2xs text-spine-soft max-lg:hidden"
            >
              /
            </kbd>
          ) : (
            <button
              type="button"
              aria-label="Clear the search"
              onClick={() => setQuery('')}
              className="absolute right-1 top-1/2 grid size-7 -translate-y-1/2 place-items-center rounded-md text-spine-soft hover:text-spine-ink"
            >
              <X aria-hidden className="size-3.5" />
            </button>
          )}
        </div>
        <Link
          href={base}
          aria-label="New conversation"
          title="New conversation"
          onClick={startFresh}
          className="grid size-9 shrink-0 place-items-center rounded-md bg-spine-brass text-[#15312a] transition-opacity hover:opacity-90"
        >
          <Plus aria-hidden className="size-4" strokeWidth={2.4} />
        </Link>
      </div>

      <section
        aria-label="Conversations"
        className="mt-2 min-h-0 flex-1 overflow-y-auto px-3 pb-4 [scrollbar-color:var(--spine-line)_transparent]"
      >
        {shown.length === 0 ? (
          <p className="px-3 py-4 text-[0.8125rem] leading-snug text-spine-soft">
            {trimmed === ''
              ? 'Your conversations will stand here. Only you can see them.'
              : `Nothing found for “${trimmed}”.`}
          </p>
        ) : null}
        {groups.map((group) => (
          <div key={group.label} className="mt-3">
            <h2 className="px-3 pb-1 text-xs text-spine-soft">{group.label}</h2>
            <ul className="flex flex-col gap-px">
              {group.items.map((conversation) => {
                const href = `${base}/${conversation.id}`;
                const isHere = pathname === href;
                const isWriting = turns.some((turn) => turn.conversationId === conversation.id && isRunning(turn));
                if (renamingId === conversation.id) {
                  return (
                    <li key={conversation.id}>
                      <RenameForm conversation={conversation} onDone={(title) => void rename(conversation, title)} />
                    </li>
                  );
                }
                return (
                  <li key={conversation.id} className="group relative">
                    <Link
                      href={href}
                      prefetch={false}
                      aria-current={isHere ? 'page' : undefined}
                      className={classNames(
                        'block truncate rounded-md py-1.5 pl-3 pr-9 text-[0.8125rem] leading-5 transition-colors',
                        isHere
                          ? 'bg-spine-raised text-spine-ink'
                          : 'text-spine-soft hover:bg-spine-raised/60 hover:text-spine-ink',
                      )}
                    >
                      {isWriting ? (
                        <span className="mr-2 inline-block size-1.5 animate-breathe rounded-full bg-spine-brass align-middle" />
                      ) : null}
                      {conversation.title}
                    </Link>
                    <Menu
                      align="end"
                      className="min-w-40"
                      trigger={
                        <button
                          type="button"
                          aria-label={`Actions for ${conversation.title}`}
                          className="absolute right-1 top-1/2 grid size-7 -translate-y-1/2 place-items-center rounded-md text-spine-soft opacity-0 hover:text-spine-ink focus-visible:opacity-100 group-hover:opacity-100 data-[state=open]:opacity-100 pointer-coarse:opacity-100"
                        >
                          <Ellipsis aria-hidden className="size-4" />
                        </button>
                      }
                    >
                      <MenuItem onSelect={() => setTimeout(() => setRenamingId(conversation.id))}>
                        <Pencil aria-hidden />
                        Rename
                      </MenuItem>
                      <MenuItem isDangerous onSelect={() => void remove(conversation)}>
                        <Trash2 aria-hidden />
                        Delete
                      </MenuItem>
                    </Menu>
                  </li>
                );
              })}
            </ul>
          </div>
        ))}
      </section>
    </div>
  );
}
