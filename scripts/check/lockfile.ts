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
      optional: z.boolean().optional(),
      os: z.array(z.string()).optional(),
      cpu: z.array(z.string()).optional(),
      optionalDependencies: z.record(z.string(), z.string()).optional(),
    }),
  ),
});

/** Node's rule: a package sees its own node_modules, then that of each folder above. */
function findEntry(packages: Readonly<Record<string, unknown>>, from: string, dependency: string): boolean {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/') - 1))) {
    if (`${folder === '' ? '' : `${folder}/`}node_modules/${dependency}` in packages) return true;
    if (folder === '') return false;
  }
}

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
    // `npm ci` asks for an entry of every platform, and a registry may serve those of its own only: such entries name the
    // version and the platform, and stand without a checksum until someone installs there.
    const isOfAnotherPlatform = entry.optional === true && (entry.os !== undefined || entry.cpu !== undefined);
    for (const dependency of Object.keys(entry.optionalDependencies ?? {})) {
      if (!findEntry(packages, name, dependency)) {
        problems.push(`${name}: its optional ${dependency} has no entry, and npm ci refuses a lockfile without`);
      }
    }
    const isInstalledFromRegistry = name.includes('node_modules/') && !entry.link && !entry.inBundle;
    if (isInstalledFromRegistry && !isOfAnotherPlatform && entry.integrity === undefined)
      problems.push(`${name}: has no integrity checksum`);
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
