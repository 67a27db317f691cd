import process from 'node:process';
import { type Command, CommanderError } from 'commander';
import { type Env, loadEnv } from '#lib/config/env.ts';
import { AppError } from '#lib/domain/errors.ts';

/** What every command of `npm run lora` gets. */
export interface CommandContext {
  readonly env: Env;
  /** Aborted by the first SIGINT or SIGTERM. A command that was stopped by it throws, or sets `exitCodes.interrupted` itself. */
  readonly signal: AbortSignal;
}

export interface OutputOptions {
  readonly json?: true;
}

export const exitCodes = { refused: 1, usage: 2, internal: 3, interrupted: 130 } as const;

const exitCodeHelp = `
Exit codes: 0 done, 1 the input was refused, 2 wrong usage, 3 an error of the program, 130 interrupted.`;

/** A command with the options and the help that all of them share. */
export function defineCommand(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .option('--json', 'print one JSON object as the last line')
    .addHelpText('after', exitCodeHelp);
}

/** The result on standard output: for people, or as one line of JSON. Progress belongs on standard error. */
export function printResult(result: object, lines: readonly string[], { json }: OutputOptions): void {
  console.log(json ? JSON.stringify(result) : lines.join('\n'));
}

/** Columns side by side, each as wide as its longest cell. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** Codes of the operating system that are about what the user named, with what to say of them. */
const fileReasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or directory',
  ENOTDIR: 'a part of the path is no directory',
  EISDIR: 'it is a directory, a file was expected',
  EEXIST: 'it exists already',
  EACCES: 'this user may not do that there',
  EPERM: 'this user may not do that there',
  EROFS: 'the disk is read-only',
  ENOSPC: 'the disk is full',
};

interface Failure {
  readonly exitCode: number;
  readonly code: string;
  readonly message: string;
}

function describeFailure(error: unknown, signal: AbortSignal): Failure {
  if (error instanceof CommanderError)
    return { exitCode: exitCodes.usage, code: 'usage', message: error.message.replace(/^error: /, '') };
  if (signal.aborted && !AppError.isInstance(error))
    return { exitCode: exitCodes.interrupted, code: 'interrupted', message: 'interrupted' };
  if (AppError.isInstance(error)) {
    const exitCode = error.code === 'input.invalid' ? exitCodes.usage : exitCodes.refused;
    return { exitCode, code: error.code, message: error.userMessage };
  }
  const message = error instanceof Error ? error.message : String(error);
  const systemCode = error instanceof Error && 'code' in error ? String(error.code) : '';
  const reason = fileReasons[systemCode];
  if (reason !== undefined) {
    const path = error instanceof Error && 'path' in error ? String(error.path) : 'a file';
    return { exitCode: exitCodes.refused, code: 'file.unusable', message: `${path}: ${reason}` };
  }
  return { exitCode: exitCodes.internal, code: 'internal', message };
}

function report({ exitCode, code, message }: Failure): void {
  process.exitCode = exitCode;
  if (process.argv.includes('--json')) console.log(JSON.stringify({ error: { code, message } }));
  // commander has said already what is wrong with the usage.
  else if (code !== 'usage') console.error(`lora: ${message}`);
}

function readSettings(): Env | null {
  try {
    return loadEnv();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    report({ exitCode: exitCodes.usage, code: 'settings.invalid', message });
    return null;
  }
}

/**
 * Run the command that the arguments name. Failures become one line (with `--json`, one JSON object on standard output) and
 * the exit code; never a stack trace, unless LOG_LEVEL is debug.
 * @param register adds the commands
 */
export async function runCommandLine(
  program: Command,
  register: (program: Command, context: CommandContext) => void,
): Promise<void> {
  const env = readSettings();
  if (env === null) return;
  const interruption = new AbortController();
  // The launcher and the terminal may both pass on one Ctrl-C, so a second signal asks for nothing more than the first.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => interruption.abort());
  register(program.exitOverride(), { env, signal: interruption.signal });
  try {
    await program.parseAsync();
  } catch (error) {
    // Help was asked for.
    if (error instanceof CommanderError && error.exitCode === 0) return;
    report(describeFailure(error, interruption.signal));
    if (env.logLevel === 'debug') console.error(error);
  }
}
