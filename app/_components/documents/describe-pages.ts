const MAX_RANGES = 8;

/** Page numbers, ascending, as people write them: `3–5, 9`. Cut short after eight ranges. */
export function describePages(pages: readonly number[]): string {
  const ranges: { from: number; to: number }[] = [];
  for (const page of pages) {
    const last = ranges.at(-1);
    if (last && last.to === page - 1) last.to = page;
    else ranges.push({ from: page, to: page });
  }
  const shown = ranges.slice(0, MAX_RANGES).map(({ from, to }) => (from === to ? `${from}` : `${from}–${to}`));
  return ranges.length > MAX_RANGES ? `${shown.join(', ')} and more` : shown.join(', ');
}
