/**
 * What can be uploaded: the one list behind the type check, the browser's file chooser and every sentence that names the
 * formats. Holds no code, so that pages in the browser may import it.
 */

export const WORD = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';
export const POWERPOINT = 'application/vnd.openxmlformats-officedocument.presentationml.presentation';
export const EXCEL = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';
export const EPUB = 'application/epub+zip';
export const MAIL = 'message/rfc822';
export const SUBTITLES = 'application/x-subrip';

/** Not a document itself: its files become documents. */
export const ARCHIVE = 'application/zip';

/** In the order in which people are told. The first ending is the usual one. */
export const documentFormats = [
  { mediaType: 'application/pdf', name: 'PDF', endings: ['pdf'] },
  { mediaType: WORD, name: 'Word', endings: ['docx'] },
  { mediaType: POWERPOINT, name: 'PowerPoint', endings: ['pptx'] },
  { mediaType: EXCEL, name: 'Excel', endings: ['xlsx'] },
  { mediaType: EPUB, name: 'EPUB', endings: ['epub'] },
  { mediaType: 'text/html', name: 'HTML', endings: ['html', 'htm', 'xhtml'] },
  { mediaType: 'text/markdown', name: 'Markdown', endings: ['md', 'markdown'] },
  { mediaType: 'text/csv', name: 'CSV', endings: ['csv', 'tsv'] },
  { mediaType: MAIL, name: 'Mail (EML)', endings: ['eml'] },
  { mediaType: SUBTITLES, name: 'Subtitles (SRT)', endings: ['srt'] },
  { mediaType: 'text/plain', name: 'Text', endings: ['txt'] },
] as const;

/** A kind of document that can be read. */
export type MediaType = (typeof documentFormats)[number]['mediaType'];

/** What operating systems put beside people's files, by path; no upload and no archive brings them in. */
export const leftoverFiles = /^(?:.*\/)?(?:__MACOSX\/.*|\._[^/]*|\.DS_Store|Thumbs\.db|desktop\.ini)$/i;

/** For the `accept` attribute of a file input that takes one document. */
export const acceptedDocuments = documentFormats
  .flatMap((format) => format.endings.map((ending) => `.${ending}`))
  .join(',');

/** The same where archives are taken as well. */
export const acceptedEndings = `${acceptedDocuments},.zip`;

/** In a sentence, after "Supported are". */
export const supportedFormats = `${documentFormats.map((format) => format.name).join(', ')}, and ZIP archives of these`;

/** How a stored version's type is shown; the type itself for one that is no longer known. */
export function nameFormat(mediaType: string): string {
  return documentFormats.find((format) => format.mediaType === mediaType)?.name ?? mediaType;
}
