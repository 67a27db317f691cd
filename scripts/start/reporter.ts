import type { WriteStream } from 'node:tty';
import { parseLogLine } from './supervisor.ts';

const LABEL_WIDTH = 16;
/** Without a terminal a long step says now and then that it is alive. */
const PLAIN_NOTICE_MS = 15_000;

export interface SlowStep {
  note(detail: string): void;
  seconds(): number;
  stop(): void;
}

export interface Reporter {
  step(label: string, detail: string): void;
  /** A step whose end cannot be foreseen: shows the seconds. */
  slowStep(label: string, detail: string): SlowStep;
  line(text: string): void;
  warn(text: string): void;
  fail(text: string): void;
  /** Shows what a process says if it is a warning or worse; everything is in its log file. */
  childLine(name: string, stream: 'stdout' | 'stderr', line: string, minimumLevel: number): void;
}

/** What `npm start` prints: one line a step, colour only on a terminal. */
export function createReporter(output: WriteStream): Reporter {
  const paint = (code: number, text: string) => (output.isTTY ? `\u001b[${code}m${text}\u001b[0m` : text);
  const write = (text: string) => output.write(`${text}\n`);
  const formatStep = (label: string, detail: string) => `${paint(2, '›')} ${label.padEnd(LABEL_WIDTH)} ${detail}`;
  return {
    step: (label, detail) => write(formatStep(label, detail)),
    slowStep(label, firstDetail) {
      const startedMs = performance.now();
      let detail = firstDetail;
      const seconds = () => Math.round((performance.now() - startedMs) / 1000);
      const show = () => {
        const text = formatStep(label, `${detail} … ${seconds()} s`);
        if (output.isTTY) output.write(`\r\u001b[2K${text}`);
        else write(text);
      };
      const timer = setInterval(show, output.isTTY ? 1_000 : PLAIN_NOTICE_MS);
      return {
        note: (next) => {
          detail = next;
        },
        seconds,
        stop: () => {
          clearInterval(timer);
          if (output.isTTY) output.write('\r\u001b[2K');
        },
      };
    },
    line: write,
    warn: (text) => write(`${paint(33, 'warning:')} ${text}`),
    fail: (text) => write(`${paint(31, 'cannot go on:')} ${text}`),
    childLine(name, stream, line, minimumLevel) {
      const parsed = parseLogLine(line);
      if (parsed === null) {
        if (stream === 'stderr' && line.trim() !== '') write(`${paint(2, `[${name}]`)} ${line}`);
      } else if (parsed.level >= minimumLevel) {
        write(`${paint(parsed.level > minimumLevel ? 31 : 33, `[${name}]`)} ${parsed.message}`);
      }
    },
  };
}
