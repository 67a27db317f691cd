/**
 * The extraction process: reads one file, writes one JSON object a line to its standard output, ends. Hostile files are its
 * business alone: the parent caps its memory and time and may kill it at any moment.
 */
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { AppError } from '#lib/domain/errors.ts';
import { mediaTypes } from '../media-type.ts';
import { extractBytes } from './extract-bytes.ts';
import type { ExtractionMessage } from './extraction-message.ts';

const [, , filePath, mediaTypeName] = process.argv;
const mediaType = mediaTypes.find((candidate) => candidate === mediaTypeName);
if (filePath === undefined || mediaType === undefined) throw new Error('usage: extraction-child FILE MEDIA-TYPE');

async function send(message: ExtractionMessage): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    process.stdout.write(`${JSON.stringify(message)}\n`, (error) => (error ? reject(error) : resolve()));
  });
}

try {
  const bytes = new Uint8Array(await readFile(filePath));
  let sending = Promise.resolve();
  const pages = await extractBytes(bytes, mediaType, ({ done, total }) => {
    sending = sending.then(() => send({ type: 'progress', done, total }));
  });
  await sending;
  for (const page of pages) await send({ type: 'page', page });
  await send({ type: 'end', pageCount: pages.length });
} catch (error) {
  if (AppError.isInstance(error)) {
    await send({ type: 'error', code: error.code, message: error.message, userMessage: error.userMessage });
  } else {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
    await send({ type: 'error', code: 'document.unreadable', message, userMessage: '' });
  }
}
process.exit(0);
