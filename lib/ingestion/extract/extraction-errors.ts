import { AppError } from '#lib/domain/errors.ts';

/** Which limit a file ran into. */
export type LimitCause =
  | 'timeout'
  | 'memory'
  | 'size'
  | 'pages'
  | 'entries'
  | 'unpacked-size'
  | 'compression-ratio'
  | 'nesting'
  | 'entities';

/**
 * A file that would cost more than one file may.
 * @param what continues "This file …"
 */
export function tooComplex(cause: LimitCause, what: string): AppError {
  return new AppError({
    code: 'document.too-complex',
    message: `extraction stopped: the file ${what}`,
    userMessage: `This file ${what}. It was not read; split it into smaller documents and upload those.`,
    details: { cause },
  });
}

export function tooMuchText(maxCharacters: number): AppError {
  return tooComplex('size', `holds more than ${Math.round(maxCharacters / 1_000_000)} million characters of text`);
}

/**
 * A file that is damaged, protected or not what its name says.
 * @param userMessage what it is and what to do, in full sentences
 */
export function unreadable(
  message: string,
  userMessage = 'This file cannot be read; it may be damaged. Save a fresh copy and upload that.',
  cause?: unknown,
): AppError {
  return new AppError({ code: 'document.unreadable', message, userMessage, ...(cause !== undefined && { cause }) });
}
