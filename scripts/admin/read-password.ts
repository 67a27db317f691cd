import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { generatePassword } from '#lib/auth/passwords.ts';
import { invalidInput } from '#lib/domain/errors.ts';

export interface PasswordOptions {
  readonly passwordStdin?: true;
  readonly generatePassword?: true;
}

export interface ChosenPassword {
  readonly password: string;
  /** Set when we made it up: to be shown once. */
  readonly generatedPassword: string | null;
}

/** One line; more would be a mistake worth telling. */
async function readStandardInput(input: AsyncIterable<Buffer | string>): Promise<string> {
  let text = '';
  for await (const part of input) {
    text += part.toString();
    if (text.length > 10_000) throw invalidInput('expected one line with the password on standard input');
  }
  return text.replace(/\r?\n$/, '');
}

/** Asks twice on the terminal and shows nothing of what is typed. */
async function askOnTerminal(): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    process.stderr.write('Password: ');
    const password = await terminal.question('');
    process.stderr.write('\nOnce more: ');
    const repeated = await terminal.question('');
    process.stderr.write('\n');
    if (password !== repeated) throw invalidInput('the two passwords differ');
    return password;
  } finally {
    terminal.close();
  }
}

/**
 * Never from an argument: arguments stand in the process list and in the shell's history.
 * @throws AppError `input.invalid`
 */
export async function readPassword(options: PasswordOptions): Promise<ChosenPassword> {
  if (options.passwordStdin === true && options.generatePassword === true) {
    throw invalidInput('choose one of --password-stdin and --generate-password');
  }
  if (options.generatePassword === true) {
    const password = generatePassword();
    return { password, generatedPassword: password };
  }
  if (options.passwordStdin === true) {
    return { password: await readStandardInput(process.stdin), generatedPassword: null };
  }
  if (!process.stdin.isTTY) {
    throw invalidInput('no terminal to ask for a password; use --password-stdin or --generate-password');
  }
  return { password: await askOnTerminal(), generatedPassword: null };
}
