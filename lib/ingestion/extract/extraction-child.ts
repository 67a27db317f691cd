/**
 * The extraction process: reads files from its standard input, one after another, and writes one JSON object a line to its
 * standard output. Hostile files are its business alone: it may read nothing but the project's code, and the parent caps its
 * memory and time and may kill it at any moment.
 */
import process from 'node:process';
import { extractBytes } from './extract-bytes.ts';
import type { LeftOutPart } from './extracted-page.ts';
import { type ExtractionMessage, type ExtractionRequest, extractionRequestSchema } from './extraction-message.ts';
import { reportFailure, sendLine } from './send-line.ts';

const LINE_END = 0x0a;
const input = process.stdin[Symbol.asyncIterator]();
/** Read from the input and not used yet. */
let held: Buffer = Buffer.alloc(0);

async function readMore(): Promise<Buffer | null> {
  const next = await input.next();
  return next.done === true ? null : Buffer.from(next.value);
}

/** @returns null at the end of the input */
async function readRequest(): Promise<{ readonly request: ExtractionRequest; readonly bytes: Uint8Array } | null> {
  let end = held.indexOf(LINE_END);
  while (end === -1) {
    const more = await readMore();
    if (more === null) return null;
    held = Buffer.concat([held, more]);
    end = held.indexOf(LINE_END);
  }
  const request = extractionRequestSchema.parse(JSON.parse(held.toString('utf8', 0, end)));
  const bytes = new Uint8Array(request.sizeBytes);
  let rest = held.subarray(end + 1);
  for (let filled = 0; ; ) {
    const part = rest.subarray(0, bytes.length - filled);
    bytes.set(part, filled);
    filled += part.length;
    held = rest.subarray(part.length);
    if (filled === bytes.length) return { request, bytes };
    const more = await readMore();
    if (more === null) throw new Error(`the input ended after ${filled} of ${bytes.length} bytes of a file`);
    rest = more;
  }
}

const send = (message: ExtractionMessage) => sendLine(message);

async function extract({ mediaType, limits }: ExtractionRequest, bytes: Uint8Array): Promise<void> {
  let sending = Promise.resolve();
  const onProgress = ({ done, total }: { readonly done: number; readonly total: number }) => {
    sending = sending.then(() => send({ type: 'progress', done, total }));
  };
  const onLeftOut = (part: LeftOutPart) => {
    sending = sending.then(() => send({ type: 'left-out', part }));
  };
  const pages = await extractBytes(bytes, mediaType, { limits, onProgress, onLeftOut });
  await sending;
  for (const page of pages) await send({ type: 'page', page });
  await send({ type: 'end', pageCount: pages.length });
}

for (;;) {
  const next = await readRequest();
  if (next === null) break;
  await extract(next.request, next.bytes).catch(reportFailure);
}
process.exit(0);
