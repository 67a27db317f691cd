import { AppError } from '#lib/domain/errors.ts';
import type { BlobStore } from '#lib/ingestion/blob-store.ts';
import type { StoredFile } from '#lib/ingestion/read-documents.ts';

interface ByteRange {
  /** From 0. */
  readonly start: number;
  /** Inclusive. */
  readonly end: number;
}

/**
 * A file that someone uploaded, as it came. Whatever is in it, it runs nothing here: browsers are told not to guess its type,
 * to save everything but a PDF, and to give a PDF no rights. One range a request is served, as PDF viewers ask for.
 * @throws AppError `document.file-missing`
 */
export async function sendFile(request: Request, blobs: BlobStore, file: StoredFile): Promise<Response> {
  const sizeBytes = await blobs.measure(file.blobSha256);
  if (sizeBytes === null) {
    throw new AppError({
      code: 'document.file-missing',
      message: `blob ${file.blobSha256} is not in the blob store`,
      userMessage: 'The stored file is gone. Upload it again.',
    });
  }
  const isPdf = file.mediaType === 'application/pdf';
  const etag = `"${file.blobSha256}"`;
  const headers = new Headers({
    'Content-Type': isPdf ? 'application/pdf' : 'application/octet-stream',
    'Content-Disposition': `${isPdf ? 'inline' : 'attachment'}; filename*=UTF-8''${encodeFileName(file.fileName)}`,
    'Content-Security-Policy': "sandbox; default-src 'none'; frame-ancestors 'self'",
    'X-Content-Type-Options': 'nosniff',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Accept-Ranges': 'bytes',
    // The bytes never change, but the right to see them may: the browser asks again each time.
    'Cache-Control': 'private, no-cache',
    ETag: etag,
  });
  if (request.headers.get('if-none-match') === etag) return new Response(null, { status: 304, headers });
  const asked = request.headers.get('range');
  const ifRange = request.headers.get('if-range');
  const range = asked === null || (ifRange !== null && ifRange !== etag) ? null : parseRange(asked, sizeBytes);
  if (range === 'unsatisfiable') {
    headers.set('Content-Range', `bytes */${sizeBytes}`);
    return new Response(null, { status: 416, headers });
  }
  const { start, end } = range ?? { start: 0, end: sizeBytes - 1 };
  headers.set('Content-Length', String(end - start + 1));
  if (range !== null) headers.set('Content-Range', `bytes ${start}-${end}/${sizeBytes}`);
  const stream = blobs.read(file.blobSha256, { start, end });
  request.signal.addEventListener('abort', () => stream.destroy(), { once: true });
  const parts: AsyncIterator<Uint8Array<ArrayBuffer>> = stream[Symbol.asyncIterator]();
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const part = await parts.next();
      if (part.done === true) controller.close();
      else controller.enqueue(part.value);
    },
    cancel() {
      stream.destroy();
    },
  });
  return new Response(body, {
    status: range === null ? 200 : 206,
    headers,
  });
}

/**
 * One range of bytes, clamped to the file. Several ranges, or another unit, are answered with the whole file, as HTTP allows.
 * @see RFC 9110, section 14
 */
export function parseRange(header: string, sizeBytes: number): ByteRange | 'unsatisfiable' | null {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header.trim());
  if (!match) return null;
  const [, first = '', last = ''] = match;
  if (first === '' && last === '') return null;
  if (first === '') {
    const suffix = Number(last);
    return suffix === 0 ? 'unsatisfiable' : { start: Math.max(0, sizeBytes - suffix), end: sizeBytes - 1 };
  }
  const start = Number(first);
  const end = last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  if (last !== '' && Number(last) < start) return null;
  return start >= sizeBytes ? 'unsatisfiable' : { start, end };
}

/** @see RFC 8187: what `encodeURIComponent` leaves and an extended parameter may not hold. */
export function encodeFileName(name: string): string {
  return encodeURIComponent(name.toWellFormed()).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
