import type { Command } from 'commander';
import { AppError } from '#lib/domain/errors.ts';
import { readDecoderConfig } from '#lib/lora/architectures/architecture.ts';
import { type GgufFile, openGguf } from '#lib/lora/gguf/read-gguf.ts';
import { hashFile } from '#lib/models/checksum.ts';
import { formatBytes } from '../start/progress-bar.ts';
import { alignColumns, type CommandContext, defineCommand, type OutputOptions, printResult } from './command-line.ts';

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

async function inspectBase(path: string, gguf: GgufFile, { signal }: CommandContext, output: OutputOptions) {
  const types = summariseTypes(gguf);
  const decoder = describeDecoder(gguf);
  const architecture = String(gguf.metadata.get('general.architecture'));
  const parameters = types.reduce((sum, { values }) => sum + values, 0);
  const sha256 = await hashFile(path, signal);
  printResult(
    { kind: 'base', path, sha256, sizeBytes: gguf.fileBytes, architecture, parameters, decoder, types },
    [
      `Base model ${path}`,
      ...alignColumns([
        ['architecture', architecture],
        ['parameters', `${(parameters / 1e6).toFixed(1)} million`],
        ['size', formatBytes(gguf.fileBytes)],
        ['SHA-256', sha256],
        ...(decoder
          ? [
              ['layers', String(decoder.layerCount)],
              ['hidden size', `${decoder.hiddenSize}, feed-forward ${decoder.feedForwardSize}`],
              [
                'heads',
                `${decoder.headCount} (${decoder.keyValueHeadCount} for keys and values) of ${decoder.headSize}`,
              ],
              ['vocabulary', `${decoder.vocabularySize}${decoder.hasTiedHead ? ', head tied to it' : ''}`],
              ['context', `${decoder.contextTokens} tokens`],
            ]
          : [['training', 'this architecture is not supported']]),
      ]),
      '',
      ...alignColumns([
        ['stored as', 'tensors', 'size'],
        ...types.map(({ name, tensors, bytes }) => [name, String(tensors), formatBytes(bytes)]),
      ]),
    ],
    output,
  );
}

export function registerInspect(program: Command, context: CommandContext): void {
  defineCommand(program, 'inspect', 'what a base model holds')
    .argument('<path>', 'a GGUF file')
    .action(async (path: string, options: OutputOptions) => {
      const gguf = await openGguf(path);
      try {
        await inspectBase(path, gguf, context, options);
      } finally {
        await gguf.close();
      }
    });
}
