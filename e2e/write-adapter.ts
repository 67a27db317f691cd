/** An adapter of random numbers for the base in use, small enough that answers stay answers: `node e2e/write-adapter.ts FILE`. */
import process from 'node:process';
import { loadEnv } from '#lib/config/env.ts';
import { writeGgufAdapter } from '#lib/lora/adapter/gguf-adapter.ts';
import { createBaseFinder } from '#lib/registry/find-base.ts';
import { drawAdapter } from '#lib/testing/registry-stage.ts';

const RANK = 4;
const SIZE = Number(process.argv[3] ?? 0.012);

const [, , file] = process.argv;
if (file === undefined) throw new Error('expected the file to write');
const base = await createBaseFinder(loadEnv())();
await writeGgufAdapter(file, drawAdapter(base.config, 1, RANK, SIZE), 'F16');
