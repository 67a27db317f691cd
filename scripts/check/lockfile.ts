import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';

const run = promisify(execFile);

/** Loose: a repair writes back what it does not know of. */
const entrySchema = z.looseObject({
  version: z.string().optional(),
  resolved: z.string().optional(),
  integrity: z.string().optional(),
  link: z.boolean().optional(),
  inBundle: z.boolean().optional(),
  dev: z.boolean().optional(),
  optional: z.boolean().optional(),
  os: z.array(z.string()).optional(),
  cpu: z.array(z.string()).optional(),
  libc: z.array(z.string()).optional(),
  dependencies: z.record(z.string(), z.string()).optional(),
  optionalDependencies: z.record(z.string(), z.string()).optional(),
});
const lockfileSchema = z.looseObject({ packages: z.record(z.string(), entrySchema) });

export type Lockfile = z.infer<typeof lockfileSchema>;
type Entry = z.infer<typeof entrySchema>;
type Packages = Lockfile['packages'];

/** Node's rule: a package sees its own node_modules, then that of each folder above. */
function hasEntry(packages: Readonly<Packages>, from: string, dependency: string): boolean {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/') - 1))) {
    if (`${folder === '' ? '' : `${folder}/`}node_modules/${dependency}` in packages) return true;
    if (folder === '') return false;
  }
}

const isAddress = (resolved: string) => /^[a-z+]+:/u.test(resolved);

/**
 * The lockfile pins what is installed by checksum, and leaves to the machine where it comes from: a download address in it
 * would tie every install to the registry of whoever wrote it last.
 * @returns one line a problem
 */
export function findLockfileProblems(json: unknown): string[] {
  const { packages } = lockfileSchema.parse(json);
  const problems: string[] = [];
  for (const [name, entry] of Object.entries(packages)) {
    if (entry.resolved !== undefined && isAddress(entry.resolved)) {
      problems.push(`${name}: holds the download address ${entry.resolved}`);
    }
    // `npm ci` asks for an entry of every platform, and a registry may serve those of its own only: such entries name the
    // version and the platform, and stand without a checksum until someone installs there.
    const isOfAnotherPlatform = entry.optional === true && (entry.os !== undefined || entry.cpu !== undefined);
    for (const dependency of Object.keys(entry.optionalDependencies ?? {})) {
      if (!hasEntry(packages, name, dependency)) {
        problems.push(`${name}: its optional ${dependency} has no entry, and npm ci refuses a lockfile without`);
      }
    }
    const isInstalledFromRegistry = name.includes('node_modules/') && !entry.link && !entry.inBundle;
    if (isInstalledFromRegistry && !isOfAnotherPlatform && entry.integrity === undefined)
      problems.push(`${name}: has no integrity checksum`);
  }
  return problems;
}

/** Words in names of packages for one platform, and what npm calls it. */
const OS_BY_WORD: Readonly<Record<string, string>> = {
  aix: 'aix',
  android: 'android',
  darwin: 'darwin',
  freebsd: 'freebsd',
  linux: 'linux',
  linuxmusl: 'linux',
  mac: 'darwin',
  macos: 'darwin',
  netbsd: 'netbsd',
  openbsd: 'openbsd',
  openharmony: 'openharmony',
  sunos: 'sunos',
  win: 'win32',
  win32: 'win32',
  windows: 'win32',
};
const CPU_BY_WORD: Readonly<Record<string, string>> = {
  aarch64: 'arm64',
  amd64: 'x64',
  arm: 'arm',
  arm64: 'arm64',
  armv7: 'arm',
  armv7l: 'arm',
  ia32: 'ia32',
  loong64: 'loong64',
  mips64el: 'mips64el',
  ppc64: 'ppc64',
  ppc64le: 'ppc64',
  riscv64: 'riscv64',
  s390x: 's390x',
  wasm32: 'wasm32',
  x64: 'x64',
  x86_64: 'x64',
};
const LIBC_BY_WORD: Readonly<Record<string, string>> = {
  gnu: 'glibc',
  gnueabihf: 'glibc',
  linuxmusl: 'musl',
  musl: 'musl',
  musleabihf: 'musl',
};

/** @returns what the words of the name say; null when they name no platform */
export function readPlatform(packageName: string): Pick<Entry, 'os' | 'cpu' | 'libc'> | null {
  const words = packageName.split(/[-/]/u);
  const find = (table: Readonly<Record<string, string>>) => words.flatMap((word) => table[word] ?? []).slice(0, 1);
  const [os, cpu] = [find(OS_BY_WORD), find(CPU_BY_WORD)];
  if (os.length === 0 && cpu.length === 0) return null;
  const libc = os[0] === 'linux' ? find(LIBC_BY_WORD) : [];
  return { ...(os.length > 0 && { os }), ...(cpu.length > 0 && { cpu }), ...(libc.length > 0 && { libc }) };
}

/** `1.2.3`, `^1.2.3` and `~1.2.3`: the version that satisfies the range for certain. */
function readVersion(range: string): string | null {
  return /^[\^~]?(\d+\.\d+\.\d+(?:[-+][\w.+-]+)?)$/u.exec(range)?.[1] ?? null;
}

/** The entry of this package and version anywhere in an earlier lockfile, without its download address. */
function findEarlier(earlier: Readonly<Packages>, dependency: string, version: string): Entry | null {
  const found = Object.entries(earlier).find(
    ([key, entry]) => key.endsWith(`node_modules/${dependency}`) && entry.version === version,
  );
  if (found === undefined) return null;
  const { resolved: _, ...entry } = found[1];
  return entry;
}

/**
 * Take the download addresses out, and put the entries of other platforms back that an install dropped because its registry
 * does not serve them: as an earlier lockfile had them, checksum and all, else by what their names say.
 * @param earlierJson the lockfile before the install; null when there is none
 * @returns a copy in npm's order; what cannot be repaired stays for {@link findLockfileProblems}
 */
export function repairLockfile(json: unknown, earlierJson: unknown): Lockfile {
  const lockfile = structuredClone(lockfileSchema.parse(json));
  const earlier = earlierJson === null ? {} : lockfileSchema.parse(earlierJson).packages;
  const { packages } = lockfile;
  for (const entry of Object.values(packages)) {
    if (entry.integrity !== undefined && entry.resolved !== undefined && isAddress(entry.resolved)) {
      delete entry.resolved;
    }
  }
  const add = (dependency: string, entry: Entry) => {
    const key = `node_modules/${dependency}`;
    packages[key] = entry;
    complete(key, entry);
  };
  const complete = (parent: string, { dev, dependencies, optionalDependencies }: Entry) => {
    for (const [dependency, range] of Object.entries({ ...dependencies, ...optionalDependencies })) {
      const version = readVersion(range);
      if (version === null || hasEntry(packages, parent, dependency)) continue;
      const known = findEarlier(earlier, dependency, version);
      const platform = optionalDependencies?.[dependency] === undefined ? null : readPlatform(dependency);
      if (known !== null) add(dependency, known);
      else if (platform !== null) add(dependency, { version, ...(dev && { dev }), optional: true, ...platform });
    }
  };
  for (const [name, entry] of Object.entries(packages)) complete(name, entry);
  const sorted = Object.entries(packages).toSorted(([a], [b]) => a.localeCompare(b, 'en'));
  return { ...lockfile, packages: Object.fromEntries(sorted) };
}

const lockfilePath = (root: string) => path.join(root, 'package-lock.json');

/** @param root the project's root */
export async function checkLockfile(root: string): Promise<string> {
  const problems = findLockfileProblems(JSON.parse(await readFile(lockfilePath(root), 'utf8')));
  if (problems.length === 0) return '';
  return [
    ...problems,
    'Install with the .npmrc of this project (omit-lockfile-registry-resolved=true), and the addresses stay out.',
    'npm run check -- --fix takes them out and puts back the entries of other platforms.',
  ].join('\n');
}

/** Write the lockfile anew when something is wrong with it. The committed one stands for the time before the install. */
export async function fixLockfile(root: string): Promise<void> {
  const json: unknown = JSON.parse(await readFile(lockfilePath(root), 'utf8'));
  if (findLockfileProblems(json).length === 0) return;
  const committed = await run('git', ['show', 'HEAD:./package-lock.json'], {
    cwd: root,
    maxBuffer: 64 * 1024 * 1024,
  }).then(
    ({ stdout }): unknown => JSON.parse(stdout),
    () => null,
  );
  await writeFile(lockfilePath(root), `${JSON.stringify(repairLockfile(json, committed), null, 2)}\n`);
}
