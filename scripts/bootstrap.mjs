/**
 * First thing that every npm script runs: `node scripts/bootstrap.mjs NAME [arguments]` runs `scripts/NAME.ts`.
 *
 * Works from a bare checkout with any Node from 20 on and no package installed. It installs the packages of
 * `package-lock.json` when `node_modules` does not hold them, because the project brings its own Node 24 as a package, and
 * then runs the script with that Node, passing on signals and the exit code. Plain JavaScript without dependencies: it runs
 * before there are any.
 */
import { spawn } from 'child_process';
import fs from 'fs';
import path from 'path';
import { fileURLToPath } from 'url';

const MINIMUM_NODE_MAJOR = 20;
const ISOLATED_SCRIPTS = ['test', 'check'];
/** How often a silent install says that it is still alive when nobody watches a terminal. */
const QUIET_NOTICE_MS = 15000;

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const modulesDir = path.join(root, 'node_modules');
const ownNode = path.join(modulesDir, 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');

function say(line) {
  process.stderr.write(`${line}\n`);
}

function fail(line) {
  say(`lorehouse: ${line}`);
  process.exit(1);
}

function readJson(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}

/**
 * Why `node_modules` does not satisfy `package-lock.json`, or null when it does. npm writes its own record of what it
 * installed (`node_modules/.package-lock.json`) as the last act of an install, so an install that was killed has none.
 */
function findReasonToInstall() {
  const lock = readJson(path.join(root, 'package-lock.json'));
  if (!lock || !lock.packages) fail('package-lock.json is missing or unreadable; restore it from the repository.');
  if (!fs.existsSync(modulesDir)) return 'the packages are not installed yet';
  const installed = readJson(path.join(modulesDir, '.package-lock.json'));
  if (!installed || !installed.packages) return 'an earlier install did not finish';
  for (const name of Object.keys(lock.packages)) {
    const wanted = lock.packages[name];
    // '' is the project itself; optional packages are often for another platform; bundled ones come inside another.
    if (name === '' || wanted.optional || wanted.devOptional || wanted.inBundle || wanted.link) continue;
    const present = installed.packages[name];
    if (!present) return `${name.replace(/^.*node_modules\//, '')} is missing`;
    if (present.version !== wanted.version) {
      return `${name.replace(/^.*node_modules\//, '')} is ${present.version}, the lockfile says ${wanted.version}`;
    }
  }
  return fs.existsSync(ownNode) ? null : 'the project’s own Node is missing';
}

/** npm as it started us, else the one on the PATH. Running it with our Node needs no shell on any platform. */
function npmCommand() {
  const npmScript = process.env.npm_execpath;
  if (npmScript && /\.c?js$/.test(npmScript) && fs.existsSync(npmScript)) {
    return { command: process.execPath, args: [npmScript], shell: false };
  }
  return { command: 'npm', args: [], shell: process.platform === 'win32' };
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Two first starts at once must not install over each other: the second waits for the first. */
async function takeInstallLock() {
  const lockFile = path.join(root, '.cache', 'install.lock');
  fs.mkdirSync(path.dirname(lockFile), { recursive: true });
  let hasSaid = false;
  for (;;) {
    try {
      fs.writeFileSync(lockFile, String(process.pid), { flag: 'wx' });
      return () => fs.rmSync(lockFile, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const found = fs.statSync(lockFile, { throwIfNoEntry: false });
    if (!found) continue;
    const holder = Number(fs.readFileSync(lockFile, 'utf8'));
    // A holder killed between creating the file and writing its number leaves it empty.
    const isAbandoned = holder > 0 ? !isAlive(holder) : Date.now() - found.mtimeMs > 10000;
    if (isAbandoned) {
      fs.rmSync(lockFile, { force: true });
      continue;
    }
    if (!hasSaid) say(`lorehouse: waiting for another install (process ${holder || 'unknown'}) to finish`);
    hasSaid = true;
    await sleep(500);
  }
}

function showElapsed(label) {
  const startedAt = Date.now();
  const isTerminal = Boolean(process.stderr.isTTY);
  const seconds = () => Math.round((Date.now() - startedAt) / 1000);
  const timer = setInterval(
    () => process.stderr.write(isTerminal ? `\r${label} … ${seconds()} s` : `${label} … ${seconds()} s\n`),
    isTerminal ? 1000 : QUIET_NOTICE_MS,
  );
  return () => {
    clearInterval(timer);
    say(`${isTerminal ? '\r' : ''}${label}: done in ${seconds()} s`);
  };
}

async function installPackages(reason) {
  const release = await takeInstallLock();
  try {
    // Another process may have done the work while this one waited.
    if (findReasonToInstall() === null) return;
    say(`lorehouse: installing the packages of package-lock.json with npm ci (${reason}); a minute or two.`);
    const npm = npmCommand();
    const done = showElapsed('lorehouse: npm ci');
    // The development packages build the web pages, so NODE_ENV=production in the shell must not leave them out.
    const args = npm.args.concat(['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']);
    // As in .npmrc, from which npm from 12 on passes nothing to install scripts.
    const env = Object.assign({}, process.env, { ONNXRUNTIME_NODE_INSTALL: 'skip' });
    const child = spawn(npm.command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'], shell: npm.shell });
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(-20000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const outcome = await new Promise((resolve) => {
      child.once('error', (error) => resolve(error.code === 'ENOENT' ? 'npm is not on the PATH' : error.message));
      child.once('close', (code, signal) =>
        resolve(code === 0 ? null : `npm ci ended with ${signal || `code ${code}`}`),
      );
    });
    done();
    if (outcome !== null) {
      release();
      say(output.trim());
      fail(
        `${outcome}. Check the connection to the npm registry (npm config get registry) and free disk space, then try again.`,
      );
    }
    const still = findReasonToInstall();
    if (still !== null) {
      release();
      fail(
        `npm ci succeeded, yet ${still}. If install scripts are switched off (npm config get ignore-scripts), switch them on: the project's Node arrives through one.`,
      );
    }
  } finally {
    release();
  }
}

function runScript(name, args) {
  const script = path.join(root, 'scripts', `${name}.ts`);
  if (!fs.existsSync(script)) fail(`there is no scripts/${name}.ts`);
  const binDir = path.join(modulesDir, '.bin');
  // A user's `.env` is for the product. Tests and checks bring their own settings: theirs must not reach a real database.
  const hasSettings = !ISOLATED_SCRIPTS.includes(name) && fs.existsSync(path.join(root, '.env'));
  const settings = hasSettings ? ['--env-file=.env'] : [];
  const child = spawn(ownNode, settings.concat(script, args), {
    cwd: root,
    // The channel tells the script when this process dies, however it dies.
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: Object.assign({}, process.env, { PATH: `${binDir}${path.delimiter}${process.env.PATH || ''}` }),
  });
  // The script decides how to stop; this process only waits for it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.once('error', (error) => fail(`cannot run ${ownNode}: ${error.message}. Delete node_modules and try again.`));
  child.once('exit', (code, signal) => {
    if (signal === null) process.exit(code === null ? 1 : code);
    for (const handled of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(handled);
    // Dying by the same signal is what a shell expects of a wrapper.
    process.kill(process.pid, signal);
  });
}

async function main() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < MINIMUM_NODE_MAJOR) {
    fail(
      `Node ${MINIMUM_NODE_MAJOR} or newer is needed to install the project, this is ${process.versions.node}. The project then uses its own Node 24.`,
    );
  }
  const name = process.argv[2];
  if (!name || !/^[a-z][a-z0-9-]*(\/[a-z][a-z0-9-]*)*$/.test(name)) {
    fail('usage: node scripts/bootstrap.mjs NAME [arguments], where scripts/NAME.ts exists');
  }
  const reason = findReasonToInstall();
  if (reason !== null) await installPackages(reason);
  runScript(name, process.argv.slice(3));
}

main().catch((error) => fail(error.stack || String(error)));
