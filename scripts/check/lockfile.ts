import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';

const lockfileSchema = z.object({
  packages: z.record(
    z.string(),
    z.object({
      resolved: z.string().optional(),
      integrity: z.string().optional(),
      link: z.boolean().optional(),
      inBundle: z.boolean().optional(),
    }),
  ),
});

/**
 * The lockfile pins what is installed by checksum, and leaves to the machine where it comes from: a download address in it
 * would tie every install to the registry of whoever wrote it last.
 * @returns one line a problem
 */
export function findLockfileProblems(json: unknown): string[] {
  const { packages } = lockfileSchema.parse(json);
  const problems: string[] = [];
  for (const [name, entry] of Object.entries(packages)) {
    if (entry.resolved !== undefined && /^[a-z+]+:/u.test(entry.resolved)) {
      problems.push(`${name}: holds the download address ${entry.resolved}`);
    }
    const isInstalledFromRegistry = name.includes('node_modules/') && !entry.link && !entry.inBundle;
    if (isInstalledFromRegistry && entry.integrity === undefined) problems.push(`${name}: has no integrity checksum`);
  }
  return problems;
}

/** @param root the project's root */
export async function checkLockfile(root: string): Promise<string> {
  const text = await readFile(path.join(root, 'package-lock.json'), 'utf8');
  const problems = findLockfileProblems(JSON.parse(text));
  if (problems.length === 0) return '';
  return [
    ...problems,
    'Install with the .npmrc of this project (omit-lockfile-registry-resolved=true), and the addresses stay out.',
  ].join('\n');
}
