/** Amounts in the words of people. */

export function formatSeconds(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${(seconds / 3600).toFixed(1)} h`;
  return `${(seconds / 86_400).toFixed(1)} days`;
}

export const formatGigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

const counts = new Intl.NumberFormat('en');
export const formatCount = (count: number): string => counts.format(Math.round(count));

/** `1 case`, `1,200 cases`. */
export const countOf = (number: number, noun: string): string =>
  `${formatCount(number)} ${noun}${number === 1 ? '' : 's'}`;

export const formatMinutes = (minutes: number): string =>
  minutes < 90 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
