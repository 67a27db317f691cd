import { mkdir, readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { writeWholeFile } from '#lib/lora/files/write-whole-file.ts';

const rateSchema = z.object({
  /** Another processor is another rate. */
  cpu: z.string(),
  threads: z.number().int().min(1),
  flopsPerSecond: z.number().positive(),
});
export type MatrixRate = z.infer<typeof rateSchema>;

const nameCpu = () => `${os.cpus()[0]?.model ?? 'unknown'} × ${os.availableParallelism()}`;

/** Null: nobody has measured yet, or on another processor. */
export async function readMatrixRate(file: string): Promise<MatrixRate | null> {
  try {
    const rate = rateSchema.parse(JSON.parse(await readFile(file, 'utf8')));
    return rate.cpu === nameCpu() ? rate : null;
  } catch {
    return null;
  }
}

export async function writeMatrixRate(file: string, measured: Omit<MatrixRate, 'cpu'>): Promise<void> {
  const rate: MatrixRate = { cpu: nameCpu(), ...measured };
  await mkdir(path.dirname(file), { recursive: true });
  await writeWholeFile(file, (handle) => handle.writeFile(`${JSON.stringify(rate)}\n`));
}
