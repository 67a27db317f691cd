import { spawn } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';

/** One named check. `run` resolves to what is wrong, in the words to print; an empty text is a pass. */
export interface CheckStep {
  readonly name: string;
  readonly run: () => Promise<string>;
}

export interface StepResult {
  readonly name: string;
  readonly problems: string;
  readonly durationMs: number;
}

/**
 * A check by a tool of `node_modules/.bin`. Its whole output is shown if it exits with anything but 0, nothing otherwise.
 * @param cwd the project's root
 */
export function toolStep(name: string, cwd: string, command: string, args: readonly string[]): CheckStep {
  return { name, run: () => runTool(cwd, command, args) };
}

export function runTool(cwd: string, command: string, args: readonly string[]): Promise<string> {
  const binaries = path.join(cwd, 'node_modules', '.bin');
  return new Promise((resolve) => {
    let output = '';
    const child = spawn(path.join(binaries, command), args, {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        // The tools are scripts of `#!/usr/bin/env node`: this makes them run on the project's own Node.
        PATH: `${binaries}${path.delimiter}${process.env['PATH'] ?? ''}`,
        ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' }),
      },
    });
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.on('error', (error) => resolve(`${command} did not start: ${error.message}. Run npm ci.`));
    child.on('close', (code, signal) => {
      if (code === 0) resolve('');
      else resolve(output.trim() || `${command} ended with ${signal ?? `exit code ${code}`} and said nothing.`);
    });
  });
}

/** Never rejects: a check that throws has failed, with its error as the problem. */
export async function runStep(step: CheckStep): Promise<StepResult> {
  const startedAt = performance.now();
  const problems = await step
    .run()
    .catch((error: unknown) => (error instanceof Error ? (error.stack ?? error.message) : String(error)));
  return { name: step.name, problems, durationMs: performance.now() - startedAt };
}
