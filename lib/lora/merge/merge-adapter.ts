import { stat } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '#lib/domain/errors.ts';
import { checkFitsBase, invalidAdapter, type LoraAdapter, type LoraFactors } from '../adapter/adapter.ts';
import { nameTensor, readDecoderConfig } from '../architectures/architecture.ts';
import { requireDiskSpace } from '../base/disk-space.ts';
import { dequantise } from '../gguf/dequantise.ts';
import { type GgmlType, ggmlTypes } from '../gguf/ggml-types.ts';
import { quantise, type WrittenTypeName } from '../gguf/quantise.ts';
import { type GgufFile, type GgufTensor, openGguf } from '../gguf/read-gguf.ts';
import { countBytes, type GgufMetadataInput, type GgufTensorInput, writeGguf } from '../gguf/write-gguf.ts';
import { type MatrixProduct, openMatrixProduct } from '../matrix/multiply.ts';

export interface MergeOptions {
  /** Type of every matrix; vectors stay F32, and matrices whose rows are no multiple of 32 values become F16 instead of Q8_0. */
  readonly type: WrittenTypeName;
  /** Factor of the whole update; 1 is the adapter as trained, 0 the base alone. */
  readonly scale?: number;
  /** Cores for the products; default 1. */
  readonly threads?: number;
  /** Called after every block of rows, with bytes of the file being written. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  readonly signal?: AbortSignal;
}

export interface MergeResult {
  readonly sizeBytes: number;
  readonly adaptedTensors: number;
  readonly tensors: number;
}

/** `general.file_type`: what most of the matrices are. Numbers of llama.cpp's `llama_ftype`. */
const fileTypes: Readonly<Record<WrittenTypeName, number>> = { F32: 0, F16: 1, Q8_0: 7 };

/** Values decoded, updated and encoded at a time. */
const BLOCK_VALUES = 1024 * 1024;

/** The writer's own alignment is the default, and the only key that speaks of it would be wrong. */
const unwantedKeys = ['general.alignment'];

async function copyMetadata(base: GgufFile, type: WrittenTypeName): Promise<Map<string, GgufMetadataInput>> {
  const metadata = new Map<string, GgufMetadataInput>();
  for (const key of base.metadata.keys())
    if (!unwantedKeys.includes(key)) metadata.set(key, { verbatim: await base.readMetadataBytes(key) });
  return metadata.set('general.file_type', { uint32: fileTypes[type] });
}

function chooseType(tensor: GgufTensor, wanted: WrittenTypeName): WrittenTypeName {
  const [columns = 0] = tensor.shape;
  // Norms and biases: a few kilobytes that every value of the model passes through.
  if (tensor.shape.length === 1) return 'F32';
  return wanted === 'Q8_0' && columns % ggmlTypes.Q8_0.blockValues !== 0 ? 'F16' : wanted;
}

/** Rows of the update, [rows, inputs], added to rows of the weight in place. */
type AddUpdate = (weight: Float32Array, firstRow: number, rows: number) => Promise<void>;

function createUpdate(product: MatrixProduct, { down, up, rank }: LoraFactors, scaling: number): AddUpdate {
  const right = { rows: rank, columns: down.length / rank, values: down };
  const scaledUp = up.map((value) => value * scaling);
  return async (weight, firstRow, rows) => {
    const left = { rows, columns: rank, values: scaledUp.subarray(firstRow * rank, (firstRow + rows) * rank) };
    const { values } = await product.multiply(left, right);
    for (let i = 0; i < weight.length; i++) weight[i] = (weight[i] ?? 0) + (values[i] ?? 0);
  };
}

async function* encodeRows(
  base: GgufFile,
  tensor: GgufTensor,
  type: WrittenTypeName,
  addUpdate: AddUpdate | null,
): AsyncGenerator<Uint8Array> {
  const [columns = 1] = tensor.shape;
  const rowCount = tensor.shape.reduce((count, size) => count * size, 1) / columns;
  const rowBytes = tensor.byteLength / rowCount;
  const step = Math.max(1, Math.floor(BLOCK_VALUES / columns));
  for (let row = 0; row < rowCount; row += step) {
    const rows = Math.min(step, rowCount - row);
    const range = { start: row * rowBytes, end: (row + rows) * rowBytes };
    const values = dequantise(tensor.type, await base.readTensorBytes(tensor, range));
    await addUpdate?.(values, row, rows);
    yield encode(tensor.name, type, values);
  }
}

function encode(name: string, type: WrittenTypeName, values: Float32Array): Uint8Array {
  try {
    return quantise(type, values);
  } catch (cause) {
    throw new AppError({
      code: 'merge.out-of-range',
      message: `${name} cannot be written as ${type}: ${cause instanceof Error ? cause.message : String(cause)}; choose another type or a smaller scale`,
      details: { name, type },
      cause,
    });
  }
}

function planUpdates(base: GgufFile, adapter: LoraAdapter, scale: number, product: MatrixProduct) {
  const config = readDecoderConfig(base);
  if (adapter.architecture !== config.architecture)
    throw invalidAdapter(`it is for the architecture ${adapter.architecture}, the base is ${config.architecture}`);
  return new Map(
    adapter.factors.map((pair) => {
      const { layer, module, rank, down, up } = pair;
      checkFitsBase(config, { layer, module, rank, inputs: down.length / rank, outputs: up.length / rank });
      return [nameTensor(layer, module), createUpdate(product, pair, (scale * adapter.alpha) / rank)];
    }),
  );
}

/**
 * Write base + adapter as one model that needs no adapter: W + scale · (alpha / rank) · B·A for every adapted layer, everything
 * else re-encoded, all metadata (tokenizer, chat template) as in the base. One block of rows is in memory at a time. The file
 * appears under `target` whole or not at all.
 * @throws AppError `adapter.invalid`, `adapter.architecture-unsupported`, `disk.full`, `gguf.*`, `merge.out-of-range`
 */
export async function mergeAdapter(
  basePath: string,
  adapter: LoraAdapter,
  target: string,
  options: MergeOptions,
): Promise<MergeResult> {
  const { type, scale = 1, threads = 1, onProgress, signal } = options;
  if (!Number.isFinite(scale)) throw invalidAdapter(`it is to be scaled by ${scale}, expected a finite number`);
  const base = await openGguf(basePath);
  const product = await openMatrixProduct(threads);
  try {
    const updates = planUpdates(base, adapter, scale, product);
    const planned = [...base.tensors.values()].map((tensor) => {
      const typeName = chooseType(tensor, type);
      const ggmlType: GgmlType = ggmlTypes[typeName];
      return { tensor, typeName, written: { name: tensor.name, shape: tensor.shape, type: ggmlType } };
    });
    const totalBytes = planned.reduce((sum, { written }) => sum + countBytes(written), 0);
    await requireDiskSpace(path.dirname(path.resolve(target)), totalBytes, 'the merged model');

    let doneBytes = 0;
    const inputs = planned.map(({ tensor, typeName, written }): GgufTensorInput => {
      const pieces = async function* () {
        for await (const piece of encodeRows(base, tensor, typeName, updates.get(tensor.name) ?? null)) {
          signal?.throwIfAborted();
          yield piece;
          doneBytes += piece.byteLength;
          onProgress?.(doneBytes, totalBytes);
        }
      };
      return { ...written, pieces };
    });
    await writeGguf(target, await copyMetadata(base, type), inputs);
    return { sizeBytes: (await stat(target)).size, adaptedTensors: updates.size, tensors: planned.length };
  } finally {
    await product.close();
    await base.close();
  }
}
