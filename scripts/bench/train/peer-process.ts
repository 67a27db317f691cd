import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { z } from 'zod';

/** A process that does one step whenever asked: peers take turns, and none's memory counts as another's. */
export interface PeerProcess<Ready, Reply> {
  readonly ready: Ready;
  step(): Promise<Reply>;
  close(): Promise<void>;
}

/** @throws Error when the process ends before it answered, or answers something else */
export async function startPeer<Ready, Reply>(
  command: string,
  args: readonly string[],
  schemas: { readonly ready: z.ZodType<Ready>; readonly reply: z.ZodType<Reply> },
): Promise<PeerProcess<Ready, Reply>> {
  const child: ChildProcess = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const { stdin, stdout } = child;
  if (!stdin || !stdout) throw new Error(`${command} was started without pipes`);
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  const readAnswer = async (): Promise<unknown> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`${command} ${args[0]} ended without an answer`);
    return JSON.parse(value);
  };
  return {
    ready: schemas.ready.parse(await readAnswer()),
    async step() {
      stdin.write('\n');
      return schemas.reply.parse(await readAnswer());
    },
    async close() {
      stdin.end();
      await exited;
    },
  };
}
