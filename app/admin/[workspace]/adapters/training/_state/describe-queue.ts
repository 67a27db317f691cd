/** Where a run that waits stands in line; one trains at a time on a machine. */
export function describeQueue({ ahead }: { readonly ahead: number }): string {
  if (ahead === 0) return 'Next in line';
  return ahead === 1 ? 'One training run comes first' : `${ahead} training runs come first`;
}
