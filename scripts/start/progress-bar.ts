import type { WriteStream } from 'node:tty';
import { formatBytes } from '#lib/domain/format-bytes.ts';
import type { PullProgress } from '#lib/models/pull-model.ts';

const BAR_CELLS = 24;
const REDRAW_INTERVAL_MS = 100;
/** Without a terminal a line is printed now and then instead of redrawn. */
const PLAIN_INTERVAL_MS = 5_000;

export function formatProgress(progress: PullProgress): string {
  const fraction = progress.totalBytes === 0 ? 0 : progress.receivedBytes / progress.totalBytes;
  if (progress.phase === 'waiting') return `${progress.modelId}: another process downloads it, waiting`;
  const filled = Math.round(fraction * BAR_CELLS);
  const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR_CELLS - filled)}`;
  const amount = `${formatBytes(progress.receivedBytes)} of ${formatBytes(progress.totalBytes)}`;
  const tail =
    progress.phase === 'verifying'
      ? 'checking'
      : progress.bytesPerSecond > 0
        ? `${formatBytes(Math.round(progress.bytesPerSecond))}/s`
        : '';
  return `${progress.modelId} ${bar} ${String(Math.floor(fraction * 100)).padStart(3)} %  ${amount}  ${tail}`.trimEnd();
}

/** Draws download progress: one line redrawn on a terminal, a line every few seconds elsewhere. */
export function createProgressBar(stream: WriteStream): {
  readonly show: (progress: PullProgress) => void;
  readonly finish: () => void;
} {
  let lastShownMs = Number.NEGATIVE_INFINITY;
  let lastPhase = '';
  let hasDrawn = false;
  return {
    show(progress) {
      const nowMs = performance.now();
      const isNewPhase = progress.phase !== lastPhase;
      if (nowMs - lastShownMs < (stream.isTTY ? REDRAW_INTERVAL_MS : PLAIN_INTERVAL_MS) && !isNewPhase) return;
      lastShownMs = nowMs;
      lastPhase = progress.phase;
      if (stream.isTTY) {
        hasDrawn = true;
        stream.write(`\r\u001b[2K${formatProgress(progress)}`);
        return;
      }
      stream.write(`${formatProgress(progress)}\n`);
    },
    finish() {
      if (hasDrawn) stream.write('\n');
    },
  };
}
