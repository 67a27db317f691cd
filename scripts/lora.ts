import process from 'node:process';
import { Command } from 'commander';
import { loadEnv } from '#lib/config/env.ts';
import { registerBlend } from './lora/blend.ts';
import { type CommandContext, runCommandLine } from './lora/command-line.ts';
import { registerExport } from './lora/export.ts';
import { registerImport } from './lora/import.ts';
import { registerInspect } from './lora/inspect.ts';
import { registerMerge } from './lora/merge.ts';
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
registerExport(program, context);
registerImport(program, context);
registerBlend(program, context);
registerMerge(program, context);

await runCommandLine(program, context);
