import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { SUPERVISED_VARIABLE } from '#lib/config/exit-with-parent.ts';
import { AppError } from '#lib/domain/errors.ts';
import { type TrainerMessage, trainerMessageSchema } from './trainer-protocol.ts';

/** A trainer at work. It ends with this process, however this process ends: it watches the pipe that only we hold. */
export interface TrainerProcess {
  readonly pid: number | undefined;
  /** In order; ends with the process. */
  readonly messages: AsyncIterable<TrainerMessage>;
  /** How it ended, in words that follow "the trainer"; null for a good end. Settles after the last message. */
  readonly ended: Promise<string | null>;
  /** Ask it to stop after the micro-batch at hand, with a checkpoint. */
  stop(): void;
  kill(): void;
}

export type StartTrainer = (directory: string) => TrainerProcess;

export interface TrainerCommand {
  /** `scripts/trainer.ts`, absolute. */
  readonly script: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Lines of standard error that are kept to name the reason of an end. */
const KEPT_LINES = 12;

function parseMessage(line: string): TrainerMessage {
  try {
    return trainerMessageSchema.parse(JSON.parse(line));
  } catch (cause) {
    throw new AppError({
      code: 'training.trainer-unreadable',
      message: `the trainer said what it should not have: ${line.slice(0, 300)}`,
      cause,
    });
  }
}

function describeEnd(code: number | null, signal: NodeJS.Signals | null, stderr: readonly string[]): string | null {
  if (code === 0) return null;
  const tail = stderr.length === 0 ? '' : `: ${stderr.join(' ').slice(-600)}`;
  // Nobody but the system's out-of-memory killer, or a person, sends this one.
  if (signal === 'SIGKILL') return `was killed (SIGKILL); when nobody did that, the machine ran out of memory${tail}`;
  return signal === null ? `ended with code ${code ?? 'none'}${tail}` : `was ended by ${signal}${tail}`;
}

export function createTrainerStarter({ script, env }: TrainerCommand): StartTrainer {
  return (directory) => {
    const child = spawn(process.execPath, [script, 'perform', directory], {
      env: { ...env, [SUPERVISED_VARIABLE]: '1' },
      // Standard input is the pipe that `exitWithParent` watches.
      stdio: ['pipe', 'pipe', 'pipe'],
      // A session of its own, so that its low priority is weighed against the others' (lib/config/take-lowest-priority.ts).
      detached: true,
    });
    child.stdin.on('error', () => undefined);
    const stderr: string[] = [];
    createInterface({ input: child.stderr }).on('line', (line) => {
      stderr.push(line);
      if (stderr.length > KEPT_LINES) stderr.shift();
    });
    const ended = new Promise<string | null>((resolve) => {
      child.once('error', (error) => resolve(`could not be started: ${error.message}`));
      child.once('close', (code, signal) => resolve(describeEnd(code, signal, stderr)));
    });
    const lines = createInterface({ input: child.stdout });
    async function* readMessages(): AsyncGenerator<TrainerMessage> {
      for await (const line of lines) if (line.trim() !== '') yield parseMessage(line);
    }
    return {
      pid: child.pid,
      messages: readMessages(),
      ended,
      stop: () => void child.kill('SIGTERM'),
      kill: () => void child.kill('SIGKILL'),
    };
  };
}

/** Let a child measure how fast this machine multiplies matrices, for estimates; it writes what it found to its file. */
export function measureMachine({ script, env }: TrainerCommand, threads: number): void {
  const child = spawn(process.execPath, [script, 'measure', '--threads', String(threads)], {
    env: { ...env, [SUPERVISED_VARIABLE]: '1' },
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  // An estimate without a time is no reason to trouble anyone.
  child.on('error', () => undefined);
  child.stdin.on('error', () => undefined);
  child.unref();
}
