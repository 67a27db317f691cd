/** Pass rates and their differences, 0 to 1, in the words of the pages. */

export function formatShare(share: number): string {
  if (!Number.isFinite(share)) return '–';
  const points = share * 100;
  return `${Math.abs(points) < 10 && points % 1 !== 0 ? points.toFixed(1) : Math.round(points)} %`;
}

/** With its sign, as the points between two rates. */
export function formatChange(difference: number): string {
  if (!Number.isFinite(difference)) return '–';
  const points = Math.abs(difference) < 0.0005 ? 0 : difference * 100;
  const amount =
    Math.abs(points) < 10 ? Math.abs(points).toFixed(1).replace(/\.0$/, '') : String(Math.round(Math.abs(points)));
  return points === 0 ? '±0' : `${points > 0 ? '+' : '−'}${amount}`;
}
