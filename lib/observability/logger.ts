import { type Logger, type LoggerOptions, pino, stdTimeFunctions } from 'pino';

/**
 * Structured logs: one JSON object a line on standard output, where the supervisor files them. Document text, prompts and
 * answers are never logged; secrets in logged objects are replaced.
 */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Keys whose values never reach a log, at the top and up to two levels down (an error's details, a request's headers). */
const SECRET_KEYS = [
  'authorization',
  'Authorization',
  'cookie',
  'Cookie',
  'set-cookie',
  'Set-Cookie',
  'x-api-key',
  'password',
  'token',
  'accessToken',
  'refreshToken',
  'bearerToken',
  'runtimeToken',
  'apiKey',
  'secret',
  'databaseUrl',
  'DATABASE_URL',
] as const;

export const redactedPaths: readonly string[] = SECRET_KEYS.flatMap((key) => [
  `["${key}"]`,
  `*["${key}"]`,
  `*.*["${key}"]`,
]);

export const REDACTED = '[redacted]';

/**
 * @param name the process or part that speaks; the supervisor shows it before the message
 * @param destination where the lines go; default standard output
 */
export function createLogger(name: string, level: LogLevel, destination?: { write(line: string): void }): Logger {
  const options: LoggerOptions = {
    name,
    level,
    timestamp: stdTimeFunctions.isoTime,
    redact: { paths: [...redactedPaths], censor: REDACTED },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

export type { Logger } from 'pino';
