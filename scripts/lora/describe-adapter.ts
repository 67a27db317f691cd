import { AppError } from '#lib/domain/errors.ts';
import { checkFitsBase, type FactorShape, type TrainedOn } from '#lib/lora/adapter/adapter.ts';
import type { AdapterFile } from '#lib/lora/adapter/adapter-file.ts';
import { measureUpdate } from '#lib/lora/adapter/measure-update.ts';
import { requireSameBase } from '#lib/lora/adapter/trained-on.ts';
import { type DecoderConfig, type TargetModule, targetModules } from '#lib/lora/architectures/architecture.ts';
import { openMatrixProduct } from '#lib/lora/matrix/multiply.ts';
import { alignColumns } from './command-line.ts';

interface TensorSummary extends FactorShape {
  readonly storedAs: string;
  /** ‖alpha / rank · B·A‖, Frobenius. */
  readonly updateNorm: number;
}

export interface AdapterSummary {
  readonly kind: 'adapter';
  readonly format: AdapterFile['format'];
  readonly architecture: string | null;
  readonly baseName: string | null;
  readonly trainedOn: TrainedOn;
  readonly alpha: number;
  readonly parameters: number;
  /** Over all tensors. */
  readonly updateNorm: number;
  readonly tensors: readonly TensorSummary[];
}

const norm = (tensors: readonly TensorSummary[]) => Math.hypot(...tensors.map(({ updateNorm }) => updateNorm));

/** Reads one pair of factors at a time. @throws AppError `adapter.invalid` when a number is not finite */
export async function describeAdapter(file: AdapterFile, signal: AbortSignal): Promise<AdapterSummary> {
  const product = await openMatrixProduct();
  const tensors: TensorSummary[] = [];
  try {
    for (const { read, ...shape } of file.factors) {
      signal.throwIfAborted();
      const updateNorm = await measureUpdate(product, { rank: shape.rank, ...(await read()) }, file.alpha / shape.rank);
      tensors.push({ ...shape, updateNorm });
    }
  } finally {
    await product.close();
  }
  const { format, architecture, baseName, trainedOn, alpha } = file;
  const parameters = tensors.reduce((sum, { rank, inputs, outputs }) => sum + rank * (inputs + outputs), 0);
  return {
    kind: 'adapter',
    format,
    architecture,
    baseName,
    trainedOn,
    alpha,
    parameters,
    updateNorm: norm(tensors),
    tensors,
  };
}

/** Why an adapter cannot serve on a base, or null when it can. */
export function findMisfit(
  { architecture, factors, trainedOn }: AdapterFile,
  { config, sha256 }: { readonly config: DecoderConfig; readonly sha256: string },
): string | null {
  if (architecture !== null && architecture !== config.architecture)
    return `it is for the architecture ${architecture}, the base is ${config.architecture}`;
  try {
    requireSameBase(trainedOn, sha256);
    for (const pair of factors) checkFitsBase(config, pair);
    return null;
  } catch (error) {
    if (AppError.isInstance(error)) return error.userMessage;
    throw error;
  }
}

const joinUnique = (values: readonly (number | string)[]) => [...new Set(values)].join(', ');

/** `0-21`, or `0-3, 8`. */
function formatLayers(layers: readonly number[]): string {
  const sorted = layers.toSorted((a, b) => a - b);
  const starts = sorted.filter((layer, i) => layer - 1 !== sorted[i - 1]);
  const ends = sorted.filter((layer, i) => layer + 1 !== sorted[i + 1]);
  return starts.map((start, i) => (start === ends[i] ? `${start}` : `${start}-${ends[i]}`)).join(', ');
}

function describeModule(module: TargetModule, all: readonly TensorSummary[]): readonly (readonly string[])[] {
  const tensors = all.filter((tensor) => tensor.module === module);
  if (tensors.length === 0) return [];
  const strongest = tensors.reduce((best, tensor) => (tensor.updateNorm > best.updateNorm ? tensor : best));
  return [
    [
      module,
      formatLayers(tensors.map(({ layer }) => layer)),
      joinUnique(tensors.map(({ rank }) => rank)),
      joinUnique(tensors.map(({ inputs, outputs }) => `${inputs} → ${outputs}`)),
      joinUnique(tensors.map(({ storedAs }) => storedAs)),
      norm(tensors).toPrecision(4),
      `${strongest.updateNorm.toPrecision(3)} in layer ${strongest.layer}`,
    ],
  ];
}

export function printAdapter(adapter: AdapterSummary): string[] {
  const { format, architecture, baseName, trainedOn, alpha, parameters, tensors } = adapter;
  return [
    ...alignColumns([
      ['format', format === 'gguf' ? 'GGUF' : 'PEFT'],
      ['architecture', architecture ?? 'not said'],
      ...(baseName === null ? [] : [['base', baseName]]),
      ['base SHA-256', trainedOn.baseSha256 ?? 'not said'],
      ['template SHA-256', trainedOn.templateSha256 ?? 'not said'],
      ['rank', joinUnique(tensors.map(({ rank }) => rank).toSorted((a, b) => a - b))],
      ['alpha', String(alpha)],
      ['parameters', `${(parameters / 1e6).toFixed(3)} million`],
      ['update', `${adapter.updateNorm.toPrecision(4)} (Frobenius norm)`],
    ]),
    '',
    ...alignColumns([
      ['module', 'layers', 'rank', 'sizes', 'stored as', 'update', 'strongest'],
      ...targetModules.flatMap((module) => describeModule(module, tensors)),
    ]),
  ];
}
