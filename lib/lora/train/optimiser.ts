import type { TrainConfig } from './train-config.ts';

/** Exponential decay of the first and second moment, and the guard of the division: the usual values of Adam. */
const BETA_1 = 0.9;
const BETA_2 = 0.999;
const EPSILON = 1e-8;

/** First and second moment of every parameter, and the steps done. */
export interface OptimiserState {
  step: number;
  readonly first: readonly Float32Array[];
  readonly second: readonly Float32Array[];
}

export function createOptimiserState(parameters: readonly Float32Array[]): OptimiserState {
  return {
    step: 0,
    first: parameters.map((values) => new Float32Array(values.length)),
    second: parameters.map((values) => new Float32Array(values.length)),
  };
}

/**
 * Learning rate of a step: a linear rise over the warm-up, then the schedule down to 0 at the end.
 * @param step from 0
 */
export function scheduleLearningRate(
  config: Pick<TrainConfig, 'learningRate' | 'schedule' | 'warmupShare'>,
  step: number,
  totalSteps: number,
): number {
  const warmupSteps = Math.round(config.warmupShare * totalSteps);
  if (step < warmupSteps) return (config.learningRate * (step + 1)) / warmupSteps;
  const progress = (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps);
  switch (config.schedule) {
    case 'constant':
      return config.learningRate;
    case 'linear':
      return config.learningRate * (1 - progress);
    case 'cosine':
      return (config.learningRate * (1 + Math.cos(Math.PI * progress))) / 2;
  }
}

/** √Σ g², over all arrays. NaN when any number is. */
export function computeGlobalNorm(gradients: readonly Float32Array[]): number {
  let sum = 0;
  for (const values of gradients) for (let i = 0; i < values.length; i++) sum += (values[i] ?? 0) ** 2;
  return Math.sqrt(sum);
}

interface UpdateFactors {
  /** Of the gradient; below 1 where its norm is clipped. */
  readonly clip: number;
  /** η / (1 − β₁ᵗ) */
  readonly rate: number;
  /** 1 / √(1 − β₂ᵗ) */
  readonly spread: number;
  /** 1 − ηλ */
  readonly decay: number;
}

/** The update of one array. A loop of its own with few names in it runs three times as fast as one amid others. */
function updateArray(
  theta: Float32Array,
  gradient: Float32Array,
  first: Float32Array,
  second: Float32Array,
  { clip, rate, spread, decay }: UpdateFactors,
): void {
  for (let i = 0; i < theta.length; i++) {
    const g = (gradient[i] ?? 0) * clip;
    const m = BETA_1 * (first[i] ?? 0) + (1 - BETA_1) * g;
    const v = BETA_2 * (second[i] ?? 0) + (1 - BETA_2) * g * g;
    first[i] = m;
    second[i] = v;
    theta[i] = (theta[i] ?? 0) * decay - (rate * m) / (Math.sqrt(v) * spread + EPSILON);
  }
}

/**
 * One step of AdamW (Loshchilov and Hutter, 2019) in place, on gradients scaled down to `maxGradientNorm` where they exceed
 * it: m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², θ ← θ − η·(m̂ / (√v̂ + ε) + λθ).
 * @returns the norm before scaling; when it is not finite nothing was changed
 */
export function stepAdamW(
  parameters: readonly Float32Array[],
  gradients: readonly Float32Array[],
  state: OptimiserState,
  options: { readonly learningRate: number; readonly weightDecay: number; readonly maxGradientNorm: number },
): number {
  const norm = computeGlobalNorm(gradients);
  if (!Number.isFinite(norm)) return norm;
  state.step++;
  const factors: UpdateFactors = {
    clip: options.maxGradientNorm > 0 && norm > options.maxGradientNorm ? options.maxGradientNorm / norm : 1,
    rate: options.learningRate / (1 - BETA_1 ** state.step),
    spread: 1 / Math.sqrt(1 - BETA_2 ** state.step),
    decay: 1 - options.learningRate * options.weightDecay,
  };
  for (const [k, theta] of parameters.entries()) {
    const gradient = gradients[k];
    const first = state.first[k];
    const second = state.second[k];
    if (!gradient || !first || !second || gradient.length !== theta.length)
      throw new RangeError(`parameter ${k} has ${theta.length} values, its gradient ${gradient?.length}`);
    updateArray(theta, gradient, first, second, factors);
  }
  return norm;
}
