/** On two cores with the default model, until questions of this workspace have been timed. */
const DEFAULT_SECONDS_PER_QUESTION = 12;

/**
 * What writing questions will cost, by what it cost the last time.
 * @param earlier statements read and seconds taken, oldest first
 * @returns minutes of the model's time, rounded up
 */
export function forecastMinutes(
  count: number,
  earlier: readonly { readonly read: number; readonly seconds: number }[],
): number {
  const timed = earlier.findLast(({ read, seconds }) => read > 0 && seconds > 0);
  const secondsEach = timed ? timed.seconds / timed.read : DEFAULT_SECONDS_PER_QUESTION;
  return Math.ceil((count * secondsEach) / 60);
}
