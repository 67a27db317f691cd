export interface DayGroup<T> {
  readonly label: string;
  readonly items: readonly T[];
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** In the time zone of the reader. */
const midnightOf = (date: Date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();

/** Rounded: a day with a clock change is still one day away. */
const daysBetween = (earlier: Date, later: Date) => Math.round((midnightOf(later) - midnightOf(earlier)) / DAY_MS);

function labelFor(instant: Date, now: Date): string {
  const days = daysBetween(instant, now);
  if (days <= 0) return 'Today';
  if (days === 1) return 'Yesterday';
  if (days <= 7) return 'Previous 7 days';
  if (days <= 30) return 'Previous 30 days';
  return instant.toLocaleDateString('en-GB', { month: 'long', year: 'numeric' });
}

/**
 * Group a list, newest first, under the words that people use for days.
 * @param now null on the server, which does not know the reader's day: then all are one group
 */
export function groupByDay<T extends { readonly updatedAt: string }>(
  items: readonly T[],
  now: Date | null,
): DayGroup<T>[] {
  const groups: { label: string; items: T[] }[] = [];
  for (const item of items) {
    const label = now === null ? 'Recent' : labelFor(new Date(item.updatedAt), now);
    const last = groups.at(-1);
    if (last?.label === label) last.items.push(item);
    else groups.push({ label, items: [item] });
  }
  return groups;
}
