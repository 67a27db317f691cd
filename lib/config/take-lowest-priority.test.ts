import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const module = path.join(import.meta.dirname, 'take-lowest-priority.ts');
const program = `
  const { takeLowestPriority } = await import(${JSON.stringify(module)});
  const { readFileSync, existsSync } = await import('node:fs');
  takeLowestPriority();
  const group = existsSync('/proc/self/autogroup') ? readFileSync('/proc/self/autogroup', 'utf8').trim() : null;
  console.log(JSON.stringify({ nice: (await import('node:os')).getPriority(), group }));
`;

function run(isSessionLeader: boolean): { readonly nice: number; readonly group: string | null } {
  const [command, ...prefix] = isSessionLeader ? ['setsid', '-w', process.execPath] : [process.execPath];
  const child = spawnSync(command ?? process.execPath, [...prefix, '--input-type=module', '-e', program], {
    encoding: 'utf8',
  });
  expect(child.stderr).toBe('');
  return JSON.parse(child.stdout) as { nice: number; group: string | null };
}

/** Null where the kernel groups nothing. */
function readOwnGroup(): string | null {
  const file = '/proc/self/autogroup';
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : null;
}

describe.runIf(process.platform === 'linux')('takeLowestPriority', () => {
  it('makes the process nice, and its group when the group is its own', () => {
    const { nice, group } = run(true);
    expect(nice).toBe(19);
    expect(group ?? 'nice 19').toMatch(/nice 19$/);
  });

  it('leaves a group alone that others share', () => {
    const before = readOwnGroup();
    expect(run(false)).toEqual({ nice: 19, group: before });
    expect(readOwnGroup()).toBe(before);
  });
});
