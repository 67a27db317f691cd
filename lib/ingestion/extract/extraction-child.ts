/**
 * The extraction process: reads one file, writes one JSON object a line to its standard output, ends. Hostile files are its
 * business alone: the parent caps its memory and time and may kill it at any moment.
 */
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { documentFormats } from '../formats.ts';
import { documentLimitsSchema } from './document-limits.ts';
import { extractBytes } from './extract-bytes.ts';
import type { LeftOutPart } from './extracted-page.ts';
import type { ExtractionMessage } from './extraction-message.ts';
import { reportFailure, sendLine } from './send-line.ts';

const [, , filePath, mediaTypeName, limitsJson] = process.argv;
const format = documentFormats.find((candidate) => candidate.mediaType === mediaTypeName);
if (filePath === undefined || format === undefined || limitsJson === undefined) {
  throw new Error('usage: extraction-child FILE MEDIA-TYPE LIMITS');
}

const send = (message: ExtractionMessage) => sendLine(message);

try {
  const limits = documentLimitsSchema.parse(JSON.parse(limitsJson));
  const bytes = new Uint8Array(await readFile(filePath));
  let sending = Promise.resolve();
  const onProgress = ({ done, total }: { readonly done: number; readonly total: number }) => {
    sending = sending.then(() => send({ type: 'progress', done, total }));
  };
  const onLeftOut = (part: LeftOutPart) => {
    sending = sending.then(() => send({ type: 'left-out', part }));
  };
  const pages = await extractBytes(bytes, format.mediaType, { limits, onProgress, onLeftOut });
  await sending;
  for (const page of pages) await send({ type: 'page', page });
  await send({ type: 'end', pageCount: pages.length });
} catch (error) {
  await reportFailure(error);
}
process.exit(0);
