import { Command } from 'commander';
import { registerBlend } from './lora/blend.ts';
import { runCommandLine } from './lora/command-line.ts';
import { registerExport } from './lora/export.ts';
import { registerImport } from './lora/import.ts';
import { registerInspect } from './lora/inspect.ts';
import { registerMerge } from './lora/merge.ts';
import { registerReproduce } from './lora/reproduce.ts';
import { registerScore } from './lora/score.ts';
import { registerResume, registerTrain } from './lora/train.ts';

/** `npm run lora -- <command>`: train, examine, convert, blend and merge LoRA adapters. No server, no database. */

const commands = [
  registerTrain,
  registerResume,
  registerReproduce,
  registerScore,
  registerInspect,
  registerExport,
  registerImport,
  registerBlend,
  registerMerge,
];

await runCommandLine(new Command('lora').description('LoRA adapters from the command line'), (program, context) => {
  for (const register of commands) register(program, context);
});
