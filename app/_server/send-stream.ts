import type { Readable } from 'node:stream';
import { encodeFileName } from './send-file.ts';

/** A file that the browser saves and never shows. */
export function sendStream(
  request: Request,
  {
    stream,
    fileName,
    sizeBytes,
  }: { readonly stream: Readable; readonly fileName: string; readonly sizeBytes?: number },
): Response {
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
    headers: {
      'Content-Type': 'application/octet-stream',
      'Content-Disposition': `attachment; filename*=UTF-8''${encodeFileName(fileName)}`,
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': 'private, no-store',
      ...(sizeBytes === undefined ? {} : { 'Content-Length': String(sizeBytes) }),
    },
  });
}
