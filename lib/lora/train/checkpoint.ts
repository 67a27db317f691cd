import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { AppError } from '#lib/domain/errors.ts';
import { openSafetensors, type SafetensorsFile, writeSafetensors } from '../adapter/safetensors.ts';
import type { FactorSpec } from '../graph/training-graph.ts';
import type { OptimiserState } from './optimiser.ts';

/** What a run knows besides its arrays. Random numbers need no state: their streams are named by seed and step. */
const progressSchema = z.object({
  /** Steps done. */
  step: z.number().int().min(0),
  /** Tokens trained on. */
  tokens: z.number().int().min(0),
  /** Seconds spent in steps, over all resumptions. */
  seconds: z.number().min(0),
  /** Mean validation loss of the base alone, in nats; null without a validation set. */
  baseLoss: z.number().nullable(),
  /** Lowest mean validation loss so far, and the step after which it was measured. */
  best: z.object({ loss: z.number(), step: z.number().int().min(0) }).nullable(),
  /** Validations since the best. */
  worseValidations: z.number().int().min(0),
});
export type TrainingProgress = z.infer<typeof progressSchema>;

/** Arrays are in the order of `listFactors`. */
export interface TrainingState {
  readonly progress: TrainingProgress;
  readonly factors: readonly Float32Array[];
  readonly optimiser: OptimiserState;
  /** The factors of `progress.best`; null with it. */
  readonly bestFactors: readonly Float32Array[] | null;
}

/** The newest, and one before it in case the disk damages the newest. */
const KEPT_CHECKPOINTS = 2;
const PROGRESS_KEY = 'progress';

const nameCheckpoint = (step: number) => `step-${String(step).padStart(7, '0')}.safetensors`;

/** Names, newest first. */
async function listCheckpoints(directory: string): Promise<readonly string[]> {
  const files = await readdir(directory).catch(() => []);
  return files.filter((file) => /^step-\d{7}\.safetensors$/.test(file)).toSorted((a, b) => b.localeCompare(a));
}

/** Checkpoints of one run. A file under its final name is whole and on disk. */
export interface CheckpointStore {
  /**
   * Keeps the newest two and removes the others.
   * @throws AppError `disk.full`; the checkpoints before stay
   */
  write(state: TrainingState): Promise<void>;
  /** The newest readable one, or null when there is none. */
  readNewest(): Promise<TrainingState | null>;
}

/** @param specs of the run's factors; a checkpoint of other shapes counts as unreadable */
export function openCheckpoints(directory: string, specs: readonly FactorSpec[]): CheckpointStore {
  const toTensors = (prefix: string, arrays: readonly Float32Array[]) =>
    specs.map(({ name, shape }, i) => ({
      name: `${prefix}.${name}`,
      shape: [...shape],
      values: arrays[i] ?? new Float32Array(),
    }));

  async function readArrays(file: SafetensorsFile, prefix: string): Promise<readonly Float32Array[]> {
    const arrays: Float32Array[] = [];
    for (const { name, shape } of specs) {
      const entry = file.entries.get(`${prefix}.${name}`);
      if (entry?.shape.join() !== shape.join())
        throw new RangeError(`${prefix}.${name} is [${entry?.shape.join() ?? 'absent'}], expected [${shape.join()}]`);
      arrays.push(await entry.read());
    }
    return arrays;
  }

  async function read(name: string): Promise<TrainingState> {
    const file = await openSafetensors(path.join(directory, name));
    try {
      const progress = progressSchema.parse(JSON.parse(file.metadata.get(PROGRESS_KEY) ?? 'null'));
      const [first, second] = [await readArrays(file, 'first'), await readArrays(file, 'second')];
      return {
        progress,
        factors: await readArrays(file, 'factor'),
        optimiser: { step: progress.step, first, second },
        bestFactors: progress.best && (await readArrays(file, 'best')),
      };
    } finally {
      await file.close();
    }
  }

  return {
    async write({ progress, factors, optimiser, bestFactors }) {
      await mkdir(directory, { recursive: true });
      const tensors = [
        ...toTensors('factor', factors),
        ...toTensors('first', optimiser.first),
        ...toTensors('second', optimiser.second),
        ...(bestFactors ? toTensors('best', bestFactors) : []),
      ];
      const metadata = { [PROGRESS_KEY]: JSON.stringify(progress) };
      try {
        await writeSafetensors(path.join(directory, nameCheckpoint(progress.step)), tensors, metadata);
      } catch (cause) {
        const isFull =
          cause instanceof Error && 'code' in cause && (cause.code === 'ENOSPC' || cause.code === 'EDQUOT');
        if (!isFull) throw cause;
        throw new AppError({
          code: 'disk.full',
          message: `no space left in ${directory} for a checkpoint; free some and resume the run`,
          cause,
        });
      }
      for (const stale of (await listCheckpoints(directory)).slice(KEPT_CHECKPOINTS))
        await rm(path.join(directory, stale), { force: true });
    },
    async readNewest() {
      for (const name of await listCheckpoints(directory)) {
        try {
          return await read(name);
        } catch {
          // Damaged on disk: the one before it is still there.
        }
      }
      return null;
    },
  };
}
