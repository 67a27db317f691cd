import type { LoraAdapter } from '../adapter/adapter.ts';
import type { BaseHeader } from '../base/read-base-header.ts';
import type { BaseWeights } from '../base/weight-cache.ts';
import type { TrainingExample } from '../data/read-dataset.ts';
import type { Device } from '../graph/open-session.ts';
import { conformFactors } from './factors.ts';
import { meanLoss, scoreExamples } from './score.ts';
import { openForwardModel } from './training-model.ts';

export interface LikelihoodComparison {
  readonly rows: number;
  /** Predicted tokens. */
  readonly tokens: number;
  /** Mean negative log-likelihood a predicted token, in nats. */
  readonly baseLoss: number;
  readonly adapterLoss: number;
}

/**
 * How likely the base alone, and the base with an adapter, find examples that neither was trained on. Both go through the
 * same graph: with factors of zeros it is the base.
 * @param sequenceTokens tokens of one run of the graph; an example may be as long at most
 */
export async function compareWithBase(
  base: Pick<BaseHeader, 'config' | 'frequencyFactors'> & { readonly weights: BaseWeights },
  adapter: LoraAdapter,
  examples: readonly TrainingExample[],
  options: {
    readonly sequenceTokens: number;
    readonly threads: number;
    readonly device: Device;
    readonly signal: AbortSignal;
  },
): Promise<LikelihoodComparison> {
  const { lora, factors } = conformFactors(base.config, adapter);
  const model = await openForwardModel({
    config: base.config,
    lora,
    weights: base.weights,
    threads: options.threads,
    device: options.device,
  });
  const score = (values: readonly Float32Array[]) =>
    scoreExamples(model, base, examples, values, options.sequenceTokens, () => options.signal.throwIfAborted());
  try {
    const ofBase = await score(factors.map(({ length }) => new Float32Array(length)));
    const ofAdapter = await score(factors);
    return {
      rows: examples.length,
      tokens: ofBase.reduce((sum, { tokens }) => sum + tokens, 0),
      baseLoss: meanLoss(ofBase),
      adapterLoss: meanLoss(ofAdapter),
    };
  } finally {
    await model.close();
  }
}
