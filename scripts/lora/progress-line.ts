import type { WriteStream } from 'node:tty';

/** Without a terminal a line is printed at every fifth of the way instead of redrawn at every percent. */
const PLAIN_STEP_PERCENT = 20;

/** Draws how far something has come: `merging: 34 %`. */
export function createProgressLine(stream: WriteStream, label: string): (done: number, total: number) => void {
  const stepPercent = stream.isTTY ? 1 : PLAIN_STEP_PERCENT;
  let shownPercent = -1;
  return (done, total) => {
    const percent = Math.floor((done / total) * (100 / stepPercent)) * stepPercent;
    if (percent === shownPercent) return;
    shownPercent = percent;
    const line = `${label}: ${percent} %`;
    stream.write(stream.isTTY ? `\r${line}${percent === 100 ? '\n' : ''}` : `${line}\n`);
  };
}
