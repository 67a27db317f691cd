import { AppError } from '#lib/domain/errors.ts';
import { formatBytes } from '#lib/domain/format-bytes.ts';
import { readDecoderConfig } from '#lib/lora/architectures/architecture.ts';
import type { GgufFile } from '#lib/lora/gguf/read-gguf.ts';
import { alignColumns } from './command-line.ts';

const countValues = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);

/** Null where the architecture is none that adapters can be trained for; the rest of the file is still worth showing. */
function describeDecoder(gguf: GgufFile): ReturnType<typeof readDecoderConfig> | null {
  try {
    return readDecoderConfig(gguf);
  } catch (error) {
    if (AppError.isInstance(error) && error.code === 'adapter.architecture-unsupported') return null;
    throw error;
  }
}

function summariseTypes(gguf: GgufFile) {
  const types = new Map<string, { tensors: number; values: number; bytes: number }>();
  for (const { type, shape, byteLength } of gguf.tensors.values()) {
    const sum = types.get(type.name) ?? { tensors: 0, values: 0, bytes: 0 };
    sum.tensors += 1;
    sum.values += countValues(shape);
    sum.bytes += byteLength;
    types.set(type.name, sum);
  }
  return [...types].map(([name, sum]) => ({ name, ...sum })).toSorted((a, b) => b.bytes - a.bytes);
}

export function describeBase(gguf: GgufFile) {
  const types = summariseTypes(gguf);
  return {
    kind: 'base' as const,
    architecture: String(gguf.metadata.get('general.architecture')),
    parameters: types.reduce((sum, { values }) => sum + values, 0),
    sizeBytes: gguf.fileBytes,
    decoder: describeDecoder(gguf),
    types,
  };
}

export function printBase(base: ReturnType<typeof describeBase>, sha256: string): string[] {
  const { architecture, parameters, sizeBytes, decoder, types } = base;
  return [
    ...alignColumns([
      ['architecture', architecture],
      ['parameters', `${(parameters / 1e6).toFixed(1)} million`],
      ['size', formatBytes(sizeBytes)],
      ['SHA-256', sha256],
      ...(decoder
        ? [
            ['layers', String(decoder.layerCount)],
            ['hidden size', `${decoder.hiddenSize}, feed-forward ${decoder.feedForwardSize}`],
            ['heads', `${decoder.headCount} (${decoder.keyValueHeadCount} for keys and values) of ${decoder.headSize}`],
            ['vocabulary', `${decoder.vocabularySize}${decoder.hasTiedHead ? ', head tied to it' : ''}`],
            ['context', `${decoder.contextTokens} tokens`],
          ]
        : [['training', 'adapters cannot be trained for this architecture']]),
    ]),
    '',
    ...alignColumns([
      ['stored as', 'tensors', 'size'],
      ...types.map(({ name, tensors, bytes }) => [name, String(tensors), formatBytes(bytes)]),
    ]),
  ];
}
