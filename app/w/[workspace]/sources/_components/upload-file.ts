export type UploadOutcome =
  | { readonly outcome: 'created' | 'new-version' | 'unchanged' }
  | {
      /** An archive whose files became documents. */
      readonly outcome: 'unpacked';
      readonly taken: number;
      readonly rejected: readonly { readonly fileName: string; readonly message: string }[];
    };

export class UploadError extends Error {
  readonly isRetryable: boolean;

  constructor(message: string, isRetryable: boolean) {
    super(message);
    this.name = 'UploadError';
    this.isRetryable = isRetryable;
  }
}

function readError(body: unknown, status: number): UploadError {
  if (typeof body === 'object' && body !== null && 'error' in body) {
    const { error } = body;
    if (typeof error === 'object' && error !== null && 'message' in error && typeof error.message === 'string') {
      return new UploadError(error.message, status >= 500 || ('isRetryable' in error && error.isRetryable === true));
    }
  }
  return new UploadError(`The server answered with status ${status}.`, status >= 500);
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

function readOutcome(body: unknown): UploadOutcome {
  if (isRecord(body) && Array.isArray(body['documents']) && Array.isArray(body['rejected'])) {
    const rejected = body['rejected'].filter(isRecord).map(({ fileName, message }) => ({
      fileName: String(fileName),
      message: String(message),
    }));
    return { outcome: 'unpacked', taken: body['documents'].length, rejected };
  }
  const found = typeof body === 'object' && body !== null && 'outcome' in body ? body.outcome : null;
  return { outcome: found === 'new-version' || found === 'unchanged' ? found : 'created' };
}

/**
 * Send one file. XMLHttpRequest, because fetch tells nothing about the progress of an upload.
 * @throws UploadError with a message for people
 */
export function uploadFile(
  address: string,
  file: File,
  onProgress: (sentBytes: number) => void,
  signal: AbortSignal,
): Promise<UploadOutcome> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', address);
    request.responseType = 'json';
    request.upload.addEventListener('progress', (event) => onProgress(event.loaded));
    request.addEventListener('load', () => {
      const isFine = request.status >= 200 && request.status < 300;
      if (isFine) resolve(readOutcome(request.response));
      else reject(readError(request.response, request.status));
    });
    request.addEventListener('error', () => reject(new UploadError('The connection broke during the upload.', true)));
    request.addEventListener('abort', () => reject(new UploadError('Cancelled.', true)));
    signal.addEventListener('abort', () => request.abort(), { once: true });
    const form = new FormData();
    form.append('file', file);
    request.send(form);
  });
}
