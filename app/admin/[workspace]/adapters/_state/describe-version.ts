import type { VersionView } from '#lib/registry/read-adapters.ts';

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

export function formatBytes(bytes: number): string {
  return bytes < 1_000_000 ? `${Math.ceil(bytes / 1000)} KB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

export function describeRank({ rank }: VersionView['config']): string {
  return rank.min === rank.max ? `rank ${rank.min}` : `rank ${rank.min} to ${rank.max}`;
}

export const nameVersion = ({ adapterName, number }: Pick<VersionView, 'adapterName' | 'number'>) =>
  `${adapterName}, version ${number}`;
