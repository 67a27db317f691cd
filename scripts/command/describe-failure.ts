import { CommanderError } from 'commander';
import { AppError } from '#lib/domain/errors.ts';

/** Why a command that speaks to the product's database did not do what was asked. */
export interface CommandFailure {
  readonly kind: 'help' | 'usage' | 'refused' | 'no-database' | 'unexpected';
  readonly code: string;
  readonly message: string;
}

/** The driver's and the system's codes for a database that is not there. */
function isUnreachable(error: unknown): boolean {
  for (let current = error, depth = 0; current instanceof Error && depth < 5; current = current.cause, depth += 1) {
    const code = 'code' in current ? current.code : undefined;
    if (typeof code === 'string' && ['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'ETIMEDOUT'].includes(code)) {
      return true;
    }
    if (/timeout exceeded when trying to connect|Connection terminated/.test(current.message)) return true;
  }
  return false;
}

/** SQLSTATE 42P01, undefined table: nobody has brought the database to this program's schema yet. */
function lacksTables(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && cause.code === '42P01';
}

/** @param where the database, for people, e.g. `of .data` */
export function describeFailure(error: unknown, where: string): CommandFailure {
  if (error instanceof CommanderError) {
    return error.exitCode === 0
      ? { kind: 'help', code: 'help', message: '' }
      : { kind: 'usage', code: 'usage', message: error.message.replace(/^error: /, '') };
  }
  if (AppError.isInstance(error)) {
    return error.code === 'input.invalid'
      ? { kind: 'usage', code: error.code, message: error.message }
      : { kind: 'refused', code: error.code, message: error.userMessage };
  }
  if (isUnreachable(error)) {
    const message = `the database ${where} does not answer; is the product running (npm start)?`;
    return { kind: 'no-database', code: 'database.unreachable', message };
  }
  if (lacksTables(error)) {
    const message = 'the database has no tables yet; start the product once (npm start)';
    return { kind: 'no-database', code: 'database.empty', message };
  }
  // drizzle's message holds the statement's values; the driver's, below it, does not.
  const cause = error instanceof Error && 'params' in error ? error.cause : error;
  return { kind: 'unexpected', code: 'internal', message: cause instanceof Error ? cause.message : String(cause) };
}
