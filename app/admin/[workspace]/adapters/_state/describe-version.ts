import type { VersionView } from '#lib/registry/read-adapters.ts';
import { presetNames, presets, trainingOptions } from '#lib/training/training-options.ts';

export const originNames: Readonly<Record<VersionView['origin'], string>> = {
  trained: 'Trained here',
  imported: 'Imported',
  blended: 'Blended',
  shipped: 'Ships with Lorehouse',
};

/** Names of metrics that the product measures; others are shown as they are called. */
const metricNames: Readonly<Record<string, string>> = {
  'held-out-nll': 'Surprise on held-out rows (nats a token)',
  'held-out-nll-base': 'The same for the base alone',
  'blend-error': 'Lost by compressing the blend (share of the update)',
};

export const describeMetric = (name: string) => metricNames[name] ?? name.replaceAll('-', ' ');

export function formatMetric(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(4);
}

export function describeRank({ rank }: VersionView['config']): string {
  return rank.min === rank.max ? `rank ${rank.min}` : `rank ${rank.min} to ${rank.max}`;
}

export const nameVersion = ({ adapterName, number }: Pick<VersionView, 'adapterName' | 'number'>) =>
  `${adapterName}, version ${number}`;

/** Options beside those of the training form, in the words of their pages. */
const otherOptions: Readonly<Record<string, string>> = {
  preset: 'Preset',
  threads: 'Threads',
  method: 'Method',
  rank: 'Compressed to rank',
  keptShare: 'Kept share',
  promptVersions: 'Prompts',
  rowsSha256: 'Rows, SHA-256',
  step: 'Steps',
  totalSteps: 'Steps planned',
  tokens: 'Tokens',
  baseLoss: 'Validation loss, base',
  loss: 'Validation loss',
};

function describeOption(path: string, value: unknown): readonly [label: string, value: string] {
  const option = trainingOptions.find((each) => each.path === path);
  const label = option?.label ?? otherOptions[path] ?? path;
  if (path === 'preset') {
    const name = presetNames.find((each) => each === value);
    return [label, name === undefined ? 'none' : presets[name].label];
  }
  if (value === null) return [label, option?.kind === 'number' ? (option.emptyMeans ?? 'none') : 'none'];
  if (typeof value === 'boolean') return [label, value ? 'yes' : 'no'];
  if (Array.isArray(value)) return [label, value.join(', ')];
  return [label, typeof value === 'string' ? value : JSON.stringify(value)];
}

/** What a version was made with, in the words of the forms; what no form knows is called as it is stored. */
export function describeOptions(options: Readonly<Record<string, unknown>>): (readonly [string, string])[] {
  return Object.entries(options).flatMap(([key, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.entries(value).map(([inner, each]) => describeOption(`${key}.${inner}`, each))
      : [describeOption(key, value)],
  );
}
