'use client';

import { type KeyboardEvent, useCallback, useRef, useState } from 'react';

export interface Selection {
  /** Ids on this page. */
  readonly ids: ReadonlySet<string>;
  /** Everything that the filter finds, on all pages. */
  readonly isEverything: boolean;
  readonly toggle: (id: string, isRange: boolean) => void;
  readonly selectPage: (isSelected: boolean) => void;
  readonly selectEverything: () => void;
  readonly clear: () => void;
  /** For each row's checkbox. Arrows go from row to row, with Shift they select on the way; Ctrl+A takes the page, Escape nothing. */
  readonly onKeyDown: (event: KeyboardEvent<HTMLInputElement>) => void;
}

/**
 * Which rows of a list are selected. Rows stand in a `ul`; their checkboxes carry their id in `data-select`.
 * @param rows ids of the page, in order; what leaves the page leaves the selection
 */
export function useSelection(rows: readonly string[]): Selection {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [isEverything, setEverything] = useState(false);
  const anchor = useRef<string | null>(null);
  const ids = new Set(rows.filter((id) => chosen.has(id)));

  const clear = useCallback(() => {
    setChosen(new Set());
    setEverything(false);
  }, []);

  const toggle = (id: string, isRange: boolean) => {
    const from = isRange && anchor.current !== null ? rows.indexOf(anchor.current) : -1;
    const to = rows.indexOf(id);
    const next = new Set(ids);
    if (from === -1) {
      if (next.has(id)) next.delete(id);
      else next.add(id);
    } else {
      for (const each of rows.slice(Math.min(from, to), Math.max(from, to) + 1)) next.add(each);
    }
    anchor.current = id;
    setChosen(next);
    setEverything(false);
  };

  const selectPage = (isSelected: boolean) => {
    setChosen(new Set(isSelected ? rows : []));
    setEverything(false);
  };

  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    const here = event.currentTarget.dataset['select'] ?? '';
    if (event.key === 'Escape' && (ids.size > 0 || isEverything)) {
      clear();
      return;
    }
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'a') {
      event.preventDefault();
      selectPage(true);
      return;
    }
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const next = rows[rows.indexOf(here) + step];
    if (next === undefined) return;
    event.currentTarget.closest('ul')?.querySelector<HTMLInputElement>(`[data-select="${next}"]`)?.focus();
    if (event.shiftKey) {
      anchor.current = next;
      setChosen(new Set([...ids, here, next]));
      setEverything(false);
    }
  };

  return {
    ids,
    isEverything,
    toggle,
    selectPage,
    selectEverything: () => setEverything(true),
    clear,
    onKeyDown,
  };
}
