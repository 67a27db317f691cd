import process from 'node:process';
import { Command } from 'commander';
import { loadEnv } from '#lib/config/env.ts';
import { type CommandContext, runCommandLine } from './lora/command-line.ts';
import { registerInspect } from './lora/inspect.ts';
import { registerScore } from './lora/score.ts';
import { registerResume, registerTrain } from './lora/train.ts';

/** `npm run lora -- <command>`: train, examine, convert, blend and merge LoRA adapters. No server, no database. */

const interruption = new AbortController();
// The launcher and the terminal may both pass on one Ctrl-C, so a second signal asks for nothing more than the first.
for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => interruption.abort());

const context: CommandContext = { env: loadEnv(), signal: interruption.signal };
const program = new Command('lora').description('LoRA adapters from the command line').exitOverride();

registerTrain(program, context);
registerResume(program, context);
registerScore(program, context);
registerInspect(program, context);

await runCommandLine(program, context);
