/**
 * The unpacking process: reads a ZIP archive and writes the files in it to its standard output, one JSON object a line. It
 * knows no folder to write to; names are passed on as words.
 */
import process from 'node:process';
import { z } from 'zod';
import { formatBytes } from '#lib/domain/format-bytes.ts';
import { leftoverFiles } from '../formats.ts';
import { documentLimitsSchema } from './document-limits.ts';
import { tooComplex, unreadable } from './extraction-errors.ts';
import type { UnpackMessage } from './extraction-message.ts';
import { type ArchiveEntry, openArchive } from './open-archive.ts';
import { describeFailure, reportFailure, sendLine } from './send-line.ts';

const limitsSchema = documentLimitsSchema
  .pick({ maxEntries: true, maxUnpackedBytes: true, maxCompressionRatio: true })
  .extend({ maxEntryBytes: z.number().int().positive() });

const [, , filePath, limitsJson] = process.argv;
if (filePath === undefined || limitsJson === undefined) throw new Error('usage: unpack-child FILE LIMITS');

const send = (message: UnpackMessage) => sendLine(message);

/** A limit of the whole archive ends the reading of it; anything else is the matter of one file. */
const endsArchive = (details: UnpackMessage & { type: 'entry-error' }) =>
  details.code === 'document.too-complex' && details.details['cause'] === 'unpacked-size';

async function sendEntry(entry: ArchiveEntry, maxEntryBytes: number): Promise<boolean> {
  await send({ type: 'entry', name: entry.name });
  try {
    checkName(entry.name);
    let sizeBytes = 0;
    for await (const part of entry.stream()) {
      sizeBytes += part.length;
      if (sizeBytes > maxEntryBytes) {
        throw tooComplex('size', `is larger than ${Math.floor(maxEntryBytes / 1_000_000)} MB`);
      }
      await send({ type: 'data', base64: part.toString('base64') });
    }
    await send({ type: 'entry-end' });
    return true;
  } catch (error) {
    const failure: UnpackMessage & { type: 'entry-error' } = { type: 'entry-error', ...describeFailure(error) };
    await send(failure);
    return !endsArchive(failure);
  }
}

/** Nothing here is written by its name. But who names a file so means to do harm, and its text is better not trusted. */
function checkName(name: string): void {
  const isOutside = name.startsWith('/') || /^[a-z]:/i.test(name) || name.split('/').includes('..');
  if (isOutside || name.includes('\0')) {
    throw unreadable(
      `the entry is named ${JSON.stringify(name.slice(0, 200))}`,
      'The name of this file points outside the archive, so the file was left out.',
    );
  }
}

try {
  const { maxEntryBytes, ...limits } = limitsSchema.parse(JSON.parse(limitsJson));
  let goesOn = true;
  for (const entry of await openArchive(filePath, limits)) {
    if (entry.isFolder || leftoverFiles.test(entry.name)) continue;
    goesOn = await sendEntry(entry, maxEntryBytes);
    if (!goesOn) break;
  }
  if (goesOn) await send({ type: 'end' });
  else throw tooComplex('unpacked-size', `unpacks to more than ${formatBytes(limits.maxUnpackedBytes)}`);
} catch (error) {
  await reportFailure(error);
}
process.exit(0);
