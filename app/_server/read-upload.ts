import { Readable } from 'node:stream';
import busboy from 'busboy';
import { AppError, invalidInput } from '#lib/domain/errors.ts';

/** A file on its way in. Whoever takes it reads the stream to its end or stops; nothing is held in memory. */
export interface Upload {
  readonly fileName: string;
  /** The name is a path whose folders are to be kept. */
  readonly keepsFolders: boolean;
  readonly stream: AsyncIterable<Uint8Array>;
}

/** Name of the file in a raw upload, URI-encoded. */
const FILE_NAME_HEADER = 'x-file-name';
/** The same with the folders that the file was dropped in, which become part of the document's name. */
const FILE_PATH_HEADER = 'x-file-path';

/**
 * The file of a request: one file field of a form (`multipart/form-data`, any name), or the body itself with its name,
 * URI-encoded, in `X-File-Name`, or with its folders in `X-File-Path`.
 * @throws AppError `input.invalid`
 */
export async function readUpload(request: Request): Promise<Upload> {
  if (request.body === null) throw invalidInput('expected a file, got an empty body');
  const contentType = request.headers.get('content-type') ?? '';
  if (/^multipart\/form-data\b/i.test(contentType)) return readForm(request.body, contentType);
  const path = request.headers.get(FILE_PATH_HEADER);
  const name = path ?? request.headers.get(FILE_NAME_HEADER);
  if (name === null) {
    throw invalidInput(
      'expected multipart/form-data with a file field, or a raw body and its name in X-File-Name or X-File-Path',
    );
  }
  return { fileName: decodeName(name), keepsFolders: path !== null, stream: request.body };
}

function decodeName(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch (cause) {
    throw new AppError({ code: 'input.invalid', message: 'the name of the file is not URI-encoded', cause });
  }
}

function readForm(body: NonNullable<Request['body']>, contentType: string): Promise<Upload> {
  return new Promise((resolve, reject) => {
    const malformed = (cause: unknown) =>
      reject(new AppError({ code: 'input.invalid', message: 'the multipart form is malformed', cause }));
    let parser: ReturnType<typeof busboy>;
    try {
      parser = busboy({
        headers: { 'content-type': contentType },
        defParamCharset: 'utf8',
        limits: { files: 1, fields: 20, fieldSize: 64 * 1024 },
      });
    } catch (error) {
      malformed(error);
      return;
    }
    const source = Readable.from(body, { objectMode: false });
    parser.on('file', (_field, stream, { filename }) => {
      // An upload that is refused halfway leaves the rest unread.
      stream.once('close', () => source.destroy());
      resolve({ fileName: filename ?? '', keepsFolders: false, stream });
    });
    parser.once('error', malformed);
    parser.once('close', () => reject(invalidInput('the form has no file')));
    source.once('error', (error) => parser.destroy(error));
    source.pipe(parser);
  });
}
