/**
 * The documents may name only what is there. Checked: paths in backticks, targets of links and images, `npm run` scripts,
 * the lines of a drawn tree, and the README's table of settings. Not checked: prose, addresses, and paths of the data directory or of a route.
 */
import { existsSync, globSync } from 'node:fs';
import { glob, readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';

/** A word in backticks that begins with one of these folders is a path of this repository. */
const TOP_FOLDERS = ['app', 'lib', 'db', 'adapters', 'scripts', 'e2e', 'docs', '.ci'];
/** A name; `.db.test.ts` alone is a suffix and names no file. */
const SOURCE_FILE = /^(?!\..*\.tsx?$)[\w.-]+\.(?:ts|tsx|mjs|cjs|md|json|css)$/u;
/** npm's own commands, which need no entry in package.json. */
const NPM_COMMANDS = new Set([
  'ci',
  'rebuild',
  'install',
  'i',
  'run',
  'pack',
  'view',
  'registry',
  'package',
  'packages',
]);

export interface DocumentClaims {
  /** Relative to the repository; may hold `*`. */
  readonly paths: readonly string[];
  readonly fileNames: readonly string[];
  /** Relative to the document. */
  readonly links: readonly string[];
  readonly npmScripts: readonly string[];
}

/** What a Markdown document says exists. */
export function readClaims(markdown: string): DocumentClaims {
  const prose = markdown.replaceAll(/^```[\s\S]*?^```/gmu, '');
  const fences = [...markdown.matchAll(/^```[^\n]*\n([\s\S]*?)^```/gmu)].map(([, body = '']) => body);

  const paths: string[] = [];
  const fileNames: string[] = [];
  for (const [, span = ''] of prose.matchAll(/`([^`\n]+)`/gu)) {
    if (/[\s<>{}$…]/u.test(span)) continue;
    const word = span.replace(/[:#].*$/u, '');
    if (word.includes('/') && TOP_FOLDERS.includes(word.split('/', 1)[0] ?? '')) paths.push(word);
    else if (SOURCE_FILE.test(word)) fileNames.push(word);
  }
  for (const body of fences) if (body.includes('├── ')) paths.push(...readTree(body));

  const links = [...prose.matchAll(/\]\(([^)\s]+)(?: "[^"]*")?\)/gu)]
    .map(([, target = '']) => target.replace(/#.*$/u, ''))
    .filter((target) => target !== '' && !/^[a-z][a-z0-9+.-]*:/iu.test(target));

  const npmScripts: string[] = [];
  for (const [, script = ''] of markdown.matchAll(/\bnpm run ([\w:-]+)/gu)) npmScripts.push(script);
  for (const code of [...fences, ...[...prose.matchAll(/`([^`\n]+)`/gu)].map(([, span = '']) => span)]) {
    for (const [, script = ''] of code.matchAll(/\bnpm ([a-z][\w:-]*)/gu)) {
      if (!NPM_COMMANDS.has(script)) npmScripts.push(script);
    }
  }
  return { paths, fileNames, links, npmScripts: [...new Set(npmScripts)] };
}

/**
 * Paths of a tree drawn with `├──` and `└──`, four characters a level, one name a line; what follows two spaces is a remark.
 * The first line without a branch may name the root, which is the repository's.
 */
export function readTree(drawing: string): string[] {
  const paths: string[] = [];
  const parents: string[] = [];
  for (const line of drawing.split('\n')) {
    const branch = /^((?:[│ ] {3})*)[├└]── (\S+)/u.exec(line);
    if (!branch) continue;
    const depth = (branch[1] ?? '').length / 4;
    parents.length = depth;
    parents.push((branch[2] ?? '').replace(/\/$/u, ''));
    paths.push(parents.join('/'));
  }
  return paths;
}

/**
 * The README's table of settings and the schema of lib/config/env.ts name the same variables.
 * NODE_ENV is set by the scripts, not by people.
 */
export function compareSettings(readme: string, envSource: string): string[] {
  const told = new Set([...readme.matchAll(/^\| `([A-Z][A-Z0-9_]+)` \|/gmu)].map(([, name = '']) => name));
  const read = new Set([...envSource.matchAll(/^ {2}([A-Z][A-Z0-9_]+): /gmu)].map(([, name = '']) => name));
  read.delete('NODE_ENV');
  return [
    ...[...read].filter((name) => !told.has(name)).map((name) => `README.md: the setting ${name} is not in the table`),
    ...[...told].filter((name) => !read.has(name)).map((name) => `README.md: there is no setting ${name}`),
  ];
}

const packageSchema = z.object({ scripts: z.record(z.string(), z.string()).default({}) });

/**
 * @param root the project's root
 * @returns one line for each thing that a document names and that does not exist
 */
export async function checkDocs(root: string): Promise<string> {
  const { scripts } = packageSchema.parse(JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')));
  const problems = compareSettings(
    await readFile(path.join(root, 'README.md'), 'utf8'),
    await readFile(path.join(root, 'lib/config/env.ts'), 'utf8'),
  );
  for await (const document of glob(['*.md', 'docs/**/*.md', 'adapters/**/*.md'], { cwd: root })) {
    const claims = readClaims(await readFile(path.join(root, document), 'utf8'));
    const isThere = (claim: string) =>
      claim.includes('*') ? globSync(claim, { cwd: root }).length > 0 : existsSync(path.join(root, claim));
    for (const claim of claims.paths) if (!isThere(claim)) problems.push(`${document}: ${claim} does not exist`);
    for (const name of claims.fileNames) {
      const found =
        existsSync(path.join(root, name)) ||
        globSync(`{${TOP_FOLDERS.join(',')}}/**/${name}`, { cwd: root }).length > 0;
      if (!found) problems.push(`${document}: no file is called ${name}`);
    }
    for (const link of claims.links) {
      if (!existsSync(path.resolve(root, path.dirname(document), decodeURI(link)))) {
        problems.push(`${document}: the link to ${link} leads nowhere`);
      }
    }
    for (const script of claims.npmScripts) {
      if (!(script in scripts)) problems.push(`${document}: package.json has no script "${script}"`);
    }
  }
  return problems.toSorted().join('\n');
}
