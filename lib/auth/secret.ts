import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';

const SECRET_BYTES = 48;
const MIN_SECRET_LENGTH = 32;

function readSecret(file: string): string | null {
  let secret: string;
  try {
    secret = readFileSync(file, 'utf8').trim();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
  if (secret.length < MIN_SECRET_LENGTH) {
    throw new Error(
      `The secret in ${file} has ${secret.length} characters, expected ${MIN_SECRET_LENGTH} or more. ` +
        'Delete the file to have a new one made; everybody signs in again then.',
    );
  }
  return secret;
}

/**
 * The secret that signs session cookies. Made on first use, readable by its owner only. Several processes may start at
 * once: the file appears whole under its name, and the first to put it there wins.
 */
export function loadOrCreateSecret(file: string): string {
  const existing = readSecret(file);
  if (existing !== null) return existing;
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}.${randomBytes(6).toString('hex')}`;
  // Without the comment Turbopack takes the whole project, data directory and all, for files that pages may read.
  const handle = openSync(/* turbopackIgnore: true */ draft, 'wx', 0o600);
  try {
    writeSync(handle, `${randomBytes(SECRET_BYTES).toString('base64url')}\n`);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  try {
    linkSync(draft, file);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  const secret = readSecret(file);
  if (secret === null) throw new Error(`The secret ${file} vanished while it was being made.`);
  return secret;
}
