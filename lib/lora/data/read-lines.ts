import { createReadStream } from 'node:fs';

export interface Line {
  /** From 1. */
  readonly number: number;
  /** Without the line break; null when the line is longer than the limit. */
  readonly bytes: Uint8Array | null;
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const READ_BYTES = 1024 * 1024;

/**
 * Lines of a file, ended by LF or CR LF; a line break at the very end begins no line. Memory is bounded by `maxLineBytes`:
 * of a longer line only the number is given.
 * @param onBytes sees every byte of the file, in order
 */
export async function* readLines(
  file: string,
  maxLineBytes: number,
  onBytes: (bytes: Uint8Array) => void,
): AsyncGenerator<Line> {
  let number = 1;
  let parts: Buffer[] = [];
  let length = 0;
  const collect = (part: Buffer) => {
    length += part.length;
    if (length > maxLineBytes) parts = [];
    else parts.push(part);
  };
  const finish = (): Line => {
    const whole = length > maxLineBytes ? null : Buffer.concat(parts);
    const bytes = whole?.at(-1) === CARRIAGE_RETURN ? whole.subarray(0, -1) : whole;
    parts = [];
    length = 0;
    return { number: number++, bytes };
  };

  const chunks: AsyncIterable<Buffer> = createReadStream(file, { highWaterMark: READ_BYTES });
  for await (const chunk of chunks) {
    onBytes(chunk);
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
      collect(chunk.subarray(start, end));
      yield finish();
      start = end + 1;
    }
    if (start < chunk.length) collect(chunk.subarray(start));
  }
  if (length > 0) yield finish();
}
