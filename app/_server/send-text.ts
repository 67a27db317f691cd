import { encodeFileName } from './send-file.ts';

/** A text that the browser saves and never shows. */
export function sendText({
  text,
  mediaType,
  fileName,
}: {
  readonly text: string;
  readonly mediaType: string;
  readonly fileName: string;
}): Response {
  return new Response(text, {
    headers: {
      'Content-Type': mediaType,
      'Content-Disposition': `attachment; filename*=UTF-8''${encodeFileName(fileName)}`,
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': 'private, no-store',
    },
  });
}
