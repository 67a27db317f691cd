export type UploadOutcome =
  | { readonly outcome: 'created' | 'new-version' }
  /** These bytes were here before, as the document of this name. */
  | { readonly outcome: 'unchanged'; readonly fileName: string }
  /** An archive, which a job unpacks. */
  | { readonly outcome: 'unpacking' };

/** A file on someone's machine, with the folders that it was chosen with. */
export interface ChosenFile {
  readonly path: string;
  readonly file: File;
}

export class UploadError extends Error {
  readonly isRetryable: boolean;

  constructor(message: string, isRetryable: boolean) {
    super(message);
    this.name = 'UploadError';
    this.isRetryable = isRetryable;
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

function readError(body: unknown, status: number): UploadError {
  const error = isRecord(body) ? body['error'] : null;
  if (isRecord(error) && typeof error['message'] === 'string') {
    return new UploadError(error['message'], status >= 500 || error['isRetryable'] === true);
  }
  return new UploadError(`The server answered with status ${status}.`, status >= 500);
}

function readOutcome(body: unknown): UploadOutcome {
  const { outcome, fileName } = isRecord(body) ? body : {};
  if (outcome === 'unchanged') return { outcome, fileName: String(fileName) };
  return { outcome: outcome === 'new-version' || outcome === 'unpacking' ? outcome : 'created' };
}

/**
 * Send one file as it is, its path in a header. XMLHttpRequest, because fetch tells nothing about the progress of an upload.
 * @throws UploadError with a message for people
 */
export function uploadFile(
  address: string,
  { path, file }: ChosenFile,
  onProgress: (sentBytes: number) => void,
  signal: AbortSignal,
): Promise<UploadOutcome> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', address);
    request.responseType = 'json';
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    request.setRequestHeader('X-File-Path', encodeURIComponent(path.toWellFormed()));
    request.upload.addEventListener('progress', (event) => onProgress(event.loaded));
    request.addEventListener('load', () => {
      const isFine = request.status >= 200 && request.status < 300;
      if (isFine) resolve(readOutcome(request.response));
      else reject(readError(request.response, request.status));
    });
    request.addEventListener('error', () => reject(new UploadError('The connection broke during the upload.', true)));
    request.addEventListener('abort', () => reject(new UploadError('Cancelled.', true)));
    signal.addEventListener('abort', () => request.abort(), { once: true });
    request.send(file);
  });
}
