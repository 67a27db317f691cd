/** A measured estimate in words that promise no more than it knows. Null: there was nothing to measure with. */
export function describeMinutes(minutes: number | null): string {
  if (minutes === null) return 'how long it takes cannot be measured yet';
  if (minutes < 1) return 'less than a minute on this machine';
  if (minutes < 90) return `about ${Math.ceil(minutes)} minutes on this machine`;
  return `about ${Math.round(minutes / 60)} hours on this machine`;
}
