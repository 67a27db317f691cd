import { randomUUID } from 'node:crypto';
import { AppError, type PublicError } from '#lib/domain/errors.ts';

/** The only place where an error becomes an HTTP status. */

/** Status by the family of a code: the part before the dot. A test holds every code of the product against this table. */
const statusByFamily: Readonly<Record<string, number>> = {
  session: 401,
  permission: 403,
  origin: 403,
  route: 404,
  input: 400,
  password: 400,
  'setup-link': 409,
  invitation: 409,
  user: 409,
  member: 409,
  workspace: 409,
  key: 409,
  run: 409,
  conversation: 409,
  message: 409,
  index: 409,
  upload: 400,
  document: 422,
  archive: 409,
  adapter: 422,
  gguf: 422,
  dataset: 422,
  training: 422,
  merge: 422,
  blend: 422,
  champion: 409,
  gate: 409,
  'golden-set': 409,
  threshold: 422,
  suite: 422,
  draft: 409,
  questions: 422,
  evaluation: 409,
  rate: 429,
  runtime: 503,
  model: 503,
  connection: 503,
  database: 503,
  disk: 503,
  server: 503,
  queue: 503,
  retrieval: 503,
  reranker: 503,
  internal: 500,
};

/** Where one code differs from its family. */
const statusByCode: Readonly<Record<string, number>> = {
  'user.suspended': 403,
  'invitation.wrong-person': 403,
  'input.too-large': 413,
  'upload.too-large': 413,
  'document.too-large': 413,
  'document.type-unsupported': 422,
  'runtime.busy': 429,
  'adapter.in-use': 409,
  'adapter.name-taken': 409,
  'runtime.prompt-too-long': 422,
  'runtime.model-unknown': 404,
};

/** @returns undefined for a family that the table does not name */
export function findStatus(code: string): number | undefined {
  const [family = '', reason] = code.split('.');
  if (reason === 'not-found') return 404;
  return statusByCode[code] ?? statusByFamily[family];
}

/** No number of the standard's: what proxies log where the caller did not wait for the answer. */
export const CLIENT_CLOSED_REQUEST = 499;

/** Whether an error is nothing but the caller's leaving, such as in the middle of an upload. */
export function isCallerGone(request: Pick<Request, 'signal'>, error: unknown): boolean {
  return request.signal.aborted && error instanceof Error && error.name === 'AbortError';
}

export interface ErrorLog {
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

export interface DescribedError {
  readonly status: number;
  readonly error: PublicError & { readonly eventId?: string };
  readonly retryAfterSeconds: number | undefined;
}

/**
 * drizzle writes a failed statement's values into its message: questions, names, hashes. The driver's error below it and the
 * statement's text say what went wrong without them.
 */
function stripValues(error: unknown): Readonly<Record<string, unknown>> {
  if (error instanceof Error && 'query' in error && 'params' in error) {
    return {
      err: error.cause,
      statement: error.query,
      stack: error.stack?.split('\n').filter((line) => /^\s+at /.test(line)),
    };
  }
  return { err: error };
}

/** Splits an error into what the caller may know and what the log keeps. */
export function describeError(cause: unknown, log: ErrorLog): DescribedError {
  if (AppError.isInstance(cause)) {
    const status = findStatus(cause.code) ?? 500;
    if (status >= 500) log.error({ err: cause, code: cause.code }, cause.message);
    return {
      status,
      error: { code: cause.code, message: cause.userMessage, isRetryable: cause.isRetryable },
      retryAfterSeconds: cause.retryAfterMs === undefined ? undefined : Math.ceil(cause.retryAfterMs / 1000),
    };
  }
  const eventId = randomUUID();
  log.error({ ...stripValues(cause), eventId }, 'unexpected error');
  return {
    status: 500,
    error: {
      code: 'internal',
      message: `Something went wrong on our side. The log has it under ${eventId}.`,
      isRetryable: false,
      eventId,
    },
    retryAfterSeconds: undefined,
  };
}

/** `openai`: the body that OpenAI's clients read. */
export type ErrorShape = 'lorehouse' | 'openai';

function nameOpenAiType(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}

export function respondWithError(cause: unknown, log: ErrorLog, shape: ErrorShape = 'lorehouse'): Response {
  const { status, error, retryAfterSeconds } = describeError(cause, log);
  const body =
    shape === 'openai'
      ? { error: { message: error.message, type: nameOpenAiType(status), param: null, code: error.code } }
      : { error };
  const headers = new Headers({ 'Cache-Control': 'no-store' });
  if (retryAfterSeconds !== undefined) headers.set('Retry-After', String(retryAfterSeconds));
  if (status === 401 && shape === 'openai') headers.set('WWW-Authenticate', 'Bearer');
  return Response.json(body, { status, headers });
}
