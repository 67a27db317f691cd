import { open } from 'node:fs/promises';
import { fileTypeFromBuffer } from 'file-type';
import yauzl from 'yauzl';
import { AppError } from '#lib/domain/errors.ts';
import {
  ARCHIVE,
  documentFormats,
  EPUB,
  EXCEL,
  type MediaType,
  POWERPOINT,
  SUBTITLES,
  supportedFormats,
  WORD,
} from './formats.ts';

/** Bytes looked at to tell text from binary. */
const SAMPLE_BYTES = 64 * 1024;

/** Names looked at to tell an Office file from an archive: the telling ones are among the first. */
const MAX_NAMES = 2000;

/**
 * The type of a stored file, from its bytes. Its name decides only between kinds of text, which bytes cannot tell apart.
 * Nothing is unpacked: of an archive only names are read.
 * @throws AppError `document.unsupported` that names what came and what is supported
 */
export async function detectMediaType(filePath: string, fileName: string): Promise<MediaType | typeof ARCHIVE> {
  const sample = await readSample(filePath);
  // PDF readers accept up to a kilobyte of rubbish before the header; file-type does not.
  if (sample.subarray(0, 1024).includes('%PDF-')) return 'application/pdf';
  if (sample.subarray(0, 4).toString('latin1') === 'PK\u0003\u0004' || isEmptyArchive(sample)) {
    return detectPackedType(filePath);
  }
  const found = await fileTypeFromBuffer(sample);
  if (found?.mime === 'application/x-cfb') throw oldOffice(found.mime);
  const ending = /\.([^.]+)$/.exec(fileName)?.[1]?.toLowerCase() ?? '';
  // Subtitles, mail and marked-up text are text to us, whatever else file-type sees in them.
  const isTextual =
    !found || found.mime.startsWith('text/') || found.mime === 'application/xml' || found.mime === SUBTITLES;
  if (!isTextual) throw unsupported(`${found.ext.toUpperCase()} files are not read.`, found.mime);
  if (!isText(sample)) throw unsupported('This is a binary file of an unknown kind.', 'application/octet-stream');
  const named = documentFormats.find((format) => format.endings.some((known) => known === ending));
  const isPackedOrPdf =
    named && [WORD, POWERPOINT, EXCEL, EPUB, 'application/pdf'].some((type) => type === named.mediaType);
  if (named && !isPackedOrPdf && named.mediaType !== 'text/plain') return named.mediaType;
  if (/^\s*(?:<\?xml[^>]*>\s*)?(?:<!--[\s\S]*?-->\s*)?<(?:!doctype html|html)[\s>]/i.test(sample.toString('utf8'))) {
    return 'text/html';
  }
  return 'text/plain';
}

const isEmptyArchive = (sample: Buffer) => sample.subarray(0, 4).toString('latin1') === 'PK\u0005\u0006';

/** The folders that each kind of packed document has, and no plain archive of documents. */
const TELLING_NAMES: readonly (readonly [RegExp, MediaType])[] = [
  [/^word\/.+\.xml$/i, WORD],
  [/^ppt\/.+\.xml$/i, POWERPOINT],
  [/^xl\/.+\.(?:xml|bin)$/i, EXCEL],
  [/^META-INF\/container\.xml$/, EPUB],
];

async function detectPackedType(filePath: string): Promise<MediaType | typeof ARCHIVE> {
  const names = await readNames(filePath);
  if (names.has('[Content_Types].xml') || names.has('META-INF/container.xml')) {
    const isBinary = names.has('xl/workbook.bin');
    const type = TELLING_NAMES.find(([pattern]) => [...names].some((name) => pattern.test(name)))?.[1];
    if (type && !isBinary) return type;
    throw unsupported('This is an Office file of a kind that is not read.', 'application/zip');
  }
  if (names.has('META-INF/manifest.xml') && names.has('content.xml')) {
    throw unsupported('This is an OpenDocument file.', 'application/vnd.oasis.opendocument');
  }
  if (names.has('META-INF/MANIFEST.MF')) throw unsupported('This is a Java program.', 'application/java-archive');
  return ARCHIVE;
}

async function readNames(filePath: string): Promise<Set<string>> {
  const names = new Set<string>();
  const archive = await yauzl
    .openPromise(filePath, { decodeStrings: false, autoClose: false })
    .catch((cause: unknown) => {
      throw new AppError({
        code: 'document.unreadable',
        message: 'a file that begins as a ZIP archive has no table of contents',
        userMessage: 'This file is cut off or damaged. Save or download a fresh copy and upload that.',
        cause,
      });
    });
  try {
    for await (const entry of archive.eachEntry()) {
      names.add(entry.fileNameRaw.toString('utf8'));
      if (archive.entriesRead >= MAX_NAMES) break;
    }
    return names;
  } catch {
    // What is wrong with the rest is for the extraction process to say.
    return names;
  } finally {
    archive.close();
  }
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

function unsupported(reason: string, mime: string): AppError {
  return new AppError({
    code: 'document.unsupported',
    message: `expected ${documentFormats.map((format) => format.mediaType).join(', ')}, got ${mime}`,
    userMessage: `${reason} Supported are ${supportedFormats}.`,
    details: { mime },
  });
}

function oldOffice(mime: string): AppError {
  return new AppError({
    code: 'document.unsupported',
    message: `expected an Office Open XML file, got a compound file (${mime})`,
    userMessage:
      'This is an Office file of the old kind (DOC, XLS, PPT, MSG), or one protected by a password. Save it as DOCX, XLSX, PPTX or EML without a password and upload that.',
    details: { mime },
  });
}
