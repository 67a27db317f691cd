import type { WriteStream } from 'node:tty';

/** Without a terminal a line is printed at every fifth of the way instead of redrawn at every percent. */
const PLAIN_STEP_PERCENT = 20;

/** Draws how far something has come: `merging: 34 %`. */
export function createProgressLine(stream: WriteStream, label: string): (done: number, total: number) => void {
  let shownPercent = -1;
  return (done, total) => {
    const percent = Math.floor((done / total) * 100);
    if (percent === shownPercent) return;
    shownPercent = percent;
    if (stream.isTTY) stream.write(`\r${label}: ${percent} %${percent === 100 ? '\n' : ''}`);
    else if (percent % PLAIN_STEP_PERCENT === 0) stream.write(`${label}: ${percent} %\n`);
  };
}
