import { mkdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { writeWholeFile } from '../files/write-whole-file.ts';
import { dequantise } from '../gguf/dequantise.ts';
import { type GgufFile, type GgufTensor, openGguf } from '../gguf/read-gguf.ts';
import { requireDiskSpace } from './disk-space.ts';

/**
 * The base's weights as f32 in one file, which the training graph maps as external data: the adapter is trained against
 * exactly the numbers that serve, and no weight is ever copied into the process. Keyed by the base's SHA-256; a file under
 * its final name is whole.
 */
const layoutSchema = z.object({
  tensors: z.record(
    z.string(),
    z.object({
      byteOffset: z.number().int().min(0),
      byteLength: z.number().int().min(0),
      /** Row-major: [outputs, inputs] for a matrix. */
      shape: z.array(z.number().int().min(1)),
    }),
  ),
  totalBytes: z.number().int().min(0),
});
export type WeightLayout = z.infer<typeof layoutSchema>;

export interface BaseWeights {
  /** Absolute; graphs that map the file must lie in the same directory. */
  readonly dataFile: string;
  readonly layout: WeightLayout;
}

/** Offsets are multiples of a page, as mapping asks for. */
const PAGE_BYTES = 4096;
/** Quantised bytes read at a time. */
const PIECE_BYTES = 4 * 1024 * 1024;
const alignToPage = (bytes: number) => Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;

/** Place of every tensor in the cache file. */
export function planLayout(tensors: Iterable<GgufTensor>): WeightLayout {
  const planned: WeightLayout['tensors'] = {};
  let totalBytes = 0;
  for (const tensor of tensors) {
    const byteLength = tensor.shape.reduce((product, size) => product * size, 4);
    planned[tensor.name] = { byteOffset: totalBytes, byteLength, shape: tensor.shape.toReversed() };
    totalBytes += alignToPage(byteLength);
  }
  return { tensors: planned, totalBytes };
}

async function* dequantisePieces(gguf: GgufFile, tensor: GgufTensor): AsyncGenerator<Uint8Array> {
  const step = Math.max(1, Math.floor(PIECE_BYTES / tensor.type.blockBytes)) * tensor.type.blockBytes;
  for (let start = 0; start < tensor.byteLength; start += step) {
    const end = Math.min(start + step, tensor.byteLength);
    yield new Uint8Array(dequantise(tensor.type, await gguf.readTensorBytes(tensor, { start, end })).buffer);
  }
}

async function readCached(dataFile: string, layoutFile: string): Promise<BaseWeights | null> {
  try {
    const layout = layoutSchema.parse(JSON.parse(await readFile(layoutFile, 'utf8')));
    const { size } = await stat(dataFile);
    return size === layout.totalBytes ? { dataFile, layout } : null;
  } catch {
    // Absent, or of an older shape: written anew.
    return null;
  }
}

/** Whether the weights of a base lie ready, so that nothing has to be written before a run. */
export async function areBaseWeightsReady(sha256: string, cacheDir: string): Promise<boolean> {
  const dataFile = path.resolve(cacheDir, `${sha256}.f32`);
  return (await readCached(dataFile, `${dataFile}.json`)) !== null;
}

export interface PrepareOptions {
  /** Called after every piece. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Dequantise a base once; later calls return at once.
 * @param sha256 of the GGUF file
 * @throws AppError `disk.full`, `gguf.*`; nothing stays behind under the final name
 */
export async function prepareBaseWeights(
  ggufPath: string,
  sha256: string,
  cacheDir: string,
  options: PrepareOptions = {},
): Promise<BaseWeights> {
  const dataFile = path.resolve(cacheDir, `${sha256}.f32`);
  const layoutFile = `${dataFile}.json`;
  const cached = await readCached(dataFile, layoutFile);
  if (cached) return cached;

  await mkdir(cacheDir, { recursive: true });
  const gguf = await openGguf(ggufPath);
  try {
    const layout = planLayout(gguf.tensors.values());
    await requireDiskSpace(cacheDir, layout.totalBytes, "the base's weights as f32");
    await writeWholeFile(dataFile, async (handle) => {
      await handle.truncate(layout.totalBytes);
      let done = 0;
      for (const tensor of gguf.tensors.values()) {
        let at = layout.tensors[tensor.name]?.byteOffset ?? 0;
        for await (const piece of dequantisePieces(gguf, tensor)) {
          options.signal?.throwIfAborted();
          await handle.write(piece, 0, piece.byteLength, at);
          at += piece.byteLength;
          done += piece.byteLength;
          options.onProgress?.(done, layout.totalBytes);
        }
      }
    });
    await writeWholeFile(layoutFile, (handle) => handle.writeFile(JSON.stringify(layout)));
    return { dataFile, layout };
  } finally {
    await gguf.close();
  }
}
