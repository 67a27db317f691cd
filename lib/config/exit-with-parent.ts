/**
 * A process that the supervisor (or the worker, for a trainer) starts holds the reading end of a pipe whose writing end only
 * the starter has. When the starter dies, however it dies, the pipe closes: that is the one signal a `kill -9` cannot take
 * away. The environment variable says that standard input is such a pipe and not a terminal or a file.
 */
export const SUPERVISED_VARIABLE = 'LOREHOUSE_SUPERVISED';

/** Time for the process's own SIGTERM handling to finish; below the five seconds that a stop may take in all. */
const GRACE_MS = 4_000;

/**
 * Stop this process when the one that started it is gone: as on SIGTERM first, by force after four seconds. Call it once, at
 * the top of a composition root. Does nothing in a process that was started by hand.
 */
export function exitWithParent(): void {
  if (process.env[SUPERVISED_VARIABLE] !== '1') return;
  let isLeaving = false;
  const leave = () => {
    if (isLeaving) return;
    isLeaving = true;
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), GRACE_MS).unref();
    process.kill(process.pid, 'SIGTERM');
  };
  const input = process.stdin;
  input.on('end', leave);
  input.on('close', leave);
  input.on('error', leave);
  input.resume();
  // Watching the pipe is no reason to stay alive.
  input.unref();
}
