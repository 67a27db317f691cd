/**
 * The one error type that crosses module borders. Next builds separate bundles of this file, so identity rests on a
 * registered symbol and never on `instanceof`.
 */
const marker = Symbol.for('lorehouse.app-error');

/** JSON-safe facts about an error. Never secrets, never document text. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

export interface AppErrorOptions {
  /** Stable, `noun.reason`; the family before the dot decides the HTTP status (`app/_server/respond.ts`). */
  readonly code: string;
  /** For logs: what was expected, what came, which setting to change. */
  readonly message: string;
  /** For people. Defaults to `message`. */
  readonly userMessage?: string;
  /** True when the same call may succeed later without any change. */
  readonly isRetryable?: boolean;
  /** Milliseconds after which a retry makes sense; sent as Retry-After. */
  readonly retryAfterMs?: number;
  readonly details?: ErrorDetails;
  readonly cause?: unknown;
}

export class AppError extends Error {
  readonly [marker] = true;
  readonly code: string;
  readonly userMessage: string;
  readonly isRetryable: boolean;
  readonly retryAfterMs: number | undefined;
  readonly details: ErrorDetails;

  constructor(options: AppErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = options.code;
    this.userMessage = options.userMessage ?? options.message;
    this.isRetryable = options.isRetryable ?? false;
    this.retryAfterMs = options.retryAfterMs;
    this.details = options.details ?? {};
  }

  static isInstance(value: unknown): value is AppError {
    return typeof value === 'object' && value !== null && marker in value;
  }
}

/** What a page, stream or API caller may see of an error. */
export interface PublicError {
  readonly code: string;
  readonly message: string;
  readonly isRetryable: boolean;
}

/** A missing row and another workspace's row are told apart nowhere: both are this error. */
export function notFound(noun: string): AppError {
  return new AppError({
    code: `${noun}.not-found`,
    message: `${noun} not found, or it belongs to another workspace`,
    userMessage: `This ${noun} does not exist or you have no access to it.`,
  });
}

export function unauthenticated(): AppError {
  return new AppError({
    code: 'session.required',
    message: 'no valid session or API key',
    userMessage: 'Please sign in.',
  });
}

export function forbidden(needed: string): AppError {
  return new AppError({
    code: 'permission.denied',
    message: `the actor lacks the permission ${needed}`,
    userMessage: 'Your role does not allow this.',
    details: { needed },
  });
}

export function invalidInput(message: string, details: ErrorDetails = {}): AppError {
  return new AppError({ code: 'input.invalid', message, details });
}

/** Closes a switch over a union: a new member without a case fails to compile. */
export function assertNever(value: never): never {
  throw new TypeError(`unexpected value ${JSON.stringify(value)}`);
}
