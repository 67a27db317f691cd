import { open } from 'node:fs/promises';
import { fileTypeFromBuffer, fileTypeFromFile } from 'file-type';
import { AppError } from '#lib/domain/errors.ts';

/** What we can read. The name of a file decides only between kinds of text, which bytes cannot tell apart. */
export const mediaTypes = [
  'application/pdf',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  'text/html',
  'text/markdown',
  'text/csv',
  'text/plain',
] as const;
export type MediaType = (typeof mediaTypes)[number];

export const supportedFormats = 'PDF, Word (DOCX), Markdown, HTML, CSV and plain text';

const DOCX = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';

/** Bytes looked at to tell text from binary. */
const SAMPLE_BYTES = 64 * 1024;

/**
 * The type of a stored file, from its bytes.
 * @throws AppError `document.unsupported` that names what came and what is supported
 */
export async function detectMediaType(filePath: string, fileName: string): Promise<MediaType> {
  const sample = await readSample(filePath);
  // PDF readers accept up to a kilobyte of rubbish before the header; file-type does not.
  if (sample.subarray(0, 1024).includes('%PDF-')) return 'application/pdf';
  const found = (await fileTypeFromBuffer(sample)) ?? (await fileTypeFromFile(filePath));
  if (found?.mime === DOCX || found?.mime === 'application/pdf') return found.mime;
  const ending = /\.([^.]+)$/.exec(fileName)?.[1]?.toLowerCase() ?? '';
  if (found && !found.mime.startsWith('text/') && found.mime !== 'application/xml') {
    throw unsupported(`a ${found.ext.toUpperCase()} file`, found.mime);
  }
  if (!isText(sample)) throw unsupported('a binary file of an unknown kind', 'application/octet-stream');
  if (ending === 'md' || ending === 'markdown') return 'text/markdown';
  if (ending === 'csv') return 'text/csv';
  if (ending === 'html' || ending === 'htm' || ending === 'xhtml') return 'text/html';
  if (/^\s*(?:<\?xml[^>]*>\s*)?(?:<!--[\s\S]*?-->\s*)?<(?:!doctype html|html)[\s>]/i.test(sample.toString('utf8'))) {
    return 'text/html';
  }
  return 'text/plain';
}

async function readSample(filePath: string): Promise<Buffer> {
  const file = await open(filePath, 'r');
  try {
    const buffer = Buffer.alloc(SAMPLE_BYTES);
    const { bytesRead } = await file.read(buffer, 0, SAMPLE_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** UTF-16 with its mark, or bytes without control characters other than white space. */
function isText(sample: Buffer): boolean {
  const hasUtf16Mark = (sample[0] === 0xff && sample[1] === 0xfe) || (sample[0] === 0xfe && sample[1] === 0xff);
  if (hasUtf16Mark) return true;
  return !sample.some(
    (byte) => byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0c && byte !== 0x0d && byte !== 0x1b,
  );
}

function unsupported(what: string, mime: string): AppError {
  return new AppError({
    code: 'document.unsupported',
    message: `expected ${mediaTypes.join(', ')}, got ${mime}`,
    userMessage: `This is ${what}. Supported are ${supportedFormats}.`,
    details: { mime },
  });
}
