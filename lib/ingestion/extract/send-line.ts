import process from 'node:process';
import { AppError } from '#lib/domain/errors.ts';
import { tooComplex } from './extraction-errors.ts';
import type { FailureMessage } from './extraction-message.ts';

/** One JSON object a line to the parent; resolves when the pipe has taken it, so that a slow parent slows the child. */
export async function sendLine(message: object): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    process.stdout.write(`${JSON.stringify(message)}\n`, (error) => (error ? reject(error) : resolve()));
  });
}

export function describeFailure(error: unknown): Omit<FailureMessage, 'type'> {
  const known = isTooDeep(error) ? tooComplex('nesting', 'holds parts inside parts too many levels deep') : error;
  if (AppError.isInstance(known)) {
    return { code: known.code, message: withCause(known), userMessage: known.userMessage, details: known.details };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: 'document.unreadable', message, userMessage: '', details: {} };
}

export async function reportFailure(error: unknown): Promise<void> {
  await sendLine({ type: 'error', ...describeFailure(error) } satisfies FailureMessage);
}

/** Readers call themselves for each level of a tree; a tree that exhausts the stack is no document. */
function isTooDeep(error: unknown): boolean {
  const cause = AppError.isInstance(error) ? error.cause : error;
  return cause instanceof RangeError && /call stack/i.test(cause.message);
}

/** The cause stays behind in this process; its words go along. */
function withCause({ message, cause }: AppError): string {
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}
