import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';

/**
 * Let every other process go first: chat is served from the same cores.
 *
 * Linux with automatic task groups (`sched_autogroup_enabled`, the default of most distributions) weighs sessions against each
 * other before it looks at the nice values inside one (sched(7), "The autogroup feature"): a process that leads a session of
 * its own competes as an equal however nice it is, so its group is made nice as well. A group that others share, such as that
 * of a terminal, is left alone.
 */
export function takeLowestPriority(): void {
  os.setPriority(os.constants.priority.PRIORITY_LOW);
  if (process.platform !== 'linux' || readSessionId() !== process.pid) return;
  try {
    writeFileSync('/proc/self/autogroup', String(os.constants.priority.PRIORITY_LOW));
  } catch {
    // A kernel without automatic groups, or a sandbox that hides them: the process's own nice value then counts by itself.
  }
}

/** Sixth field of `/proc/self/stat` (proc_pid_stat(5)); the name in field two may hold blanks and parentheses. */
function readSessionId(): number | null {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3]);
  } catch {
    return null;
  }
}
