'use client';

import { useSyncExternalStore } from 'react';

const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | null = null;

/** One clock for all times on a page: a minute is the smallest step that they show. */
function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    for (const each of listeners) each();
  }, 60_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0 && timer !== null) {
      clearInterval(timer);
      timer = null;
    }
  };
}

const getMinute = () => Math.floor(Date.now() / 60_000);

export function describeAge(instant: Date, now: Date): string {
  const minutes = Math.round((now.getTime() - instant.getTime()) / 60_000);
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.round(minutes / 60);
  if (hours < 24) return `${hours} h ago`;
  const days = Math.round(hours / 24);
  if (days < 14) return days === 1 ? 'yesterday' : `${days} days ago`;
  return instant.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });
}

/** A moment in the reader's words; the exact time stands in the tooltip. The server renders the date alone. */
export function Time({ value, className }: { readonly value: string; readonly className?: string }) {
  const minute = useSyncExternalStore(subscribe, getMinute, () => null);
  const instant = new Date(value);
  const date = value.slice(0, 10);
  return (
    <time dateTime={value} title={minute === null ? undefined : instant.toLocaleString('en-GB')} className={className}>
      {minute === null ? date : describeAge(instant, new Date(minute * 60_000 + 59_999))}
    </time>
  );
}
