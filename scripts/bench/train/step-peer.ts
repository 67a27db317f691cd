/** Child of bench:train: one training step of the product for every line of its input. */
import { readFile } from 'node:fs/promises';
import process from 'node:process';
import { buildBatch } from '#lib/lora/train/batch.ts';
import { createOptimiserState, stepAdamW } from '#lib/lora/train/optimiser.ts';
import { createRandom } from '#lib/lora/train/random.ts';
import { openTrainingModel } from '#lib/lora/train/training-model.ts';
import { answerLines } from './answer-lines.ts';
import { openWorkload, readFlags } from './workload.ts';

/** Most memory that this process held beyond the mapped weights, in bytes. */
async function readPeakMemory(mappedBytes: number): Promise<number> {
  if (process.platform !== 'linux') return Math.max(0, process.resourceUsage().maxRSS * 1024 - mappedBytes);
  const status = await readFile('/proc/self/status', 'utf8');
  const readKibibytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  // From the first step on all pages of the weights are mapped, so the peak holds them too.
  return (readKibibytes('VmHWM') - readKibibytes('RssFile')) * 1024;
}

const workload = await openWorkload(readFlags());
const { config, lora, weights, threads, tokens, factors, optimiser } = workload;
const startedAt = performance.now();
const model = await openTrainingModel({
  config,
  lora,
  weights,
  threads,
  recomputed: 'probabilities',
  device: 'cpu',
});
const loadSeconds = (performance.now() - startedAt) / 1000;
const state = createOptimiserState(factors);
const example = { tokens, isLearned: new Uint8Array(tokens.length).fill(1) };

async function step() {
  const times = [performance.now()];
  const batch = buildBatch(config, [example], null);
  times.push(performance.now());
  const noise = createRandom(2, state.step);
  const { loss, gradients } = await model.computeGradients(batch, factors, 1 / batch.rows.length, noise);
  times.push(performance.now());
  const gradientNorm = stepAdamW(factors, gradients, state, optimiser);
  times.push(performance.now());
  const [feedSeconds, runSeconds, optimiserSeconds] = times.slice(1).map((at, i) => (at - (times[i] ?? at)) / 1000);
  const peakMemoryBytes = await readPeakMemory(weights.layout.totalBytes);
  return { loss, gradientNorm, feedSeconds, runSeconds, optimiserSeconds, peakMemoryBytes };
}

await answerLines({ loadSeconds }, step);
await model.close();
