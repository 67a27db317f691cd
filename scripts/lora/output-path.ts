import { mkdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Command } from 'commander';
import { AppError } from '#lib/domain/errors.ts';

export interface OutputPathOptions {
  readonly out: string;
  readonly force?: true;
}

/** `--out`, required, and `--force`. */
export function withOutputPath(command: Command, placeholder: string, description: string): Command {
  return command.requiredOption(`--out ${placeholder}`, description).option('--force', 'replace what is there');
}

async function resolvePath(file: string): Promise<string | null> {
  try {
    return await realpath(file);
  } catch {
    return null;
  }
}

/**
 * Make sure that the result may be written before any work is done; the directory that it goes into is created.
 * @param inputs what is read while the result is written, and so may not be replaced even by force
 * @throws AppError `output.exists`, `output.is-input`
 */
export async function prepareOutputPath(
  { out, force }: OutputPathOptions,
  inputs: readonly string[] = [],
): Promise<string> {
  const target = path.resolve(out);
  const existing = await resolvePath(target);
  if (existing !== null) {
    for (const input of inputs)
      if ((await resolvePath(input)) === existing)
        throw new AppError({
          code: 'output.is-input',
          message: `${out} is read from; choose another path for the result`,
        });
    const kind = (await stat(existing)).isDirectory() ? 'directory' : 'file';
    if (!force)
      throw new AppError({ code: 'output.exists', message: `the ${kind} ${out} exists; --force replaces it` });
  }
  await mkdir(path.dirname(target), { recursive: true });
  return target;
}
