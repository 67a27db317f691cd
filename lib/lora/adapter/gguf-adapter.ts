import { type DecoderConfig, nameTensor, parseTensorName } from '../architectures/architecture.ts';
import { dequantise } from '../gguf/dequantise.ts';
import { type GgmlType, ggmlTypes } from '../gguf/ggml-types.ts';
import { type GgufFile, type GgufTensor, openGguf } from '../gguf/read-gguf.ts';
import { type GgufMetadataInput, writeGguf } from '../gguf/write-gguf.ts';
import { checkAlpha, checkFactorShapes, checkFinite, invalidAdapter, type LoraAdapter } from './adapter.ts';
import { type AdapterFile, loadAdapter, type StoredFactors } from './adapter-file.ts';
import { NOT_SAID, parseTrainedOn, trainedOnKeys } from './trained-on.ts';

const DOWN_SUFFIX = '.lora_a';
const UP_SUFFIX = '.lora_b';

/** Types that adapters are stored in; a quantised adapter is refused. */
const storedTypes: readonly GgmlType[] = [ggmlTypes.F32, ggmlTypes.F16, ggmlTypes.BF16];

function encode(values: Float32Array, precision: 'F32' | 'F16'): Uint8Array {
  const numbers = precision === 'F32' ? values : Float16Array.from(values);
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}

/**
 * Write an adapter that llama.cpp and node-llama-cpp load. The file appears whole or not at all.
 * @param precision F16 halves the file; values beyond its range (65,504) are refused
 */
export async function writeGgufAdapter(
  path: string,
  adapter: LoraAdapter,
  precision: 'F32' | 'F16' = 'F32',
): Promise<void> {
  const metadata = new Map<string, GgufMetadataInput>([
    ['general.type', 'adapter'],
    ['general.architecture', adapter.architecture],
    ['adapter.type', 'lora'],
    ['adapter.lora.alpha', { float32: adapter.alpha }],
  ]);
  const { baseSha256, templateSha256 } = adapter.trainedOn ?? NOT_SAID;
  if (baseSha256 !== null) metadata.set(trainedOnKeys.base, baseSha256);
  if (templateSha256 !== null) metadata.set(trainedOnKeys.template, templateSha256);
  const type = ggmlTypes[precision];
  const tensors = adapter.factors.flatMap((factors) => {
    const name = nameTensor(factors.layer, factors.module);
    const inputs = factors.down.length / factors.rank;
    const outputs = factors.up.length / factors.rank;
    return [
      { name: `${name}${DOWN_SUFFIX}`, shape: [inputs, factors.rank], type, values: factors.down },
      { name: `${name}${UP_SUFFIX}`, shape: [factors.rank, outputs], type, values: factors.up },
    ];
  });
  if (precision === 'F16')
    for (const { name, values } of tensors) checkFinite(`${name} as F16`, Float32Array.from(Float16Array.from(values)));
  await writeGguf(
    path,
    metadata,
    tensors.map(({ values, ...tensor }) => ({ ...tensor, pieces: () => [encode(values, precision)] })),
  );
}

async function readValues(gguf: GgufFile, tensor: GgufTensor): Promise<Float32Array> {
  return checkFinite(tensor.name, dequantise(tensor.type, await gguf.readTensorBytes(tensor)));
}

function pairFactors(gguf: GgufFile): readonly StoredFactors[] {
  const pairs = [...gguf.tensors.values()]
    .filter(({ name }) => name.endsWith(DOWN_SUFFIX))
    .map((down): StoredFactors => {
      const name = down.name.slice(0, -DOWN_SUFFIX.length);
      const target = parseTensorName(name);
      if (!target) throw invalidAdapter(`it adapts ${name.slice(0, 200)}, which is no linear layer of a block`);
      const up = gguf.tensors.get(`${name}${UP_SUFFIX}`);
      if (!up) throw invalidAdapter(`${name} has A but no B`);
      const refused = [down, up].find(({ type }) => !storedTypes.includes(type));
      if (refused)
        throw invalidAdapter(`${refused.name} is stored as ${refused.type.name}; F32, F16 and BF16 are accepted`);
      return {
        ...target,
        ...checkFactorShapes(name, down.shape.toReversed(), up.shape.toReversed()),
        storedAs: down.type.name,
        read: async () => ({ down: await readValues(gguf, down), up: await readValues(gguf, up) }),
      };
    });
  if (pairs.length === 0) throw invalidAdapter('it adapts no layer');
  if (pairs.length * 2 !== gguf.tensors.size)
    throw invalidAdapter(`it holds ${gguf.tensors.size} tensors, of which ${pairs.length * 2} are pairs of A and B`);
  return pairs;
}

/**
 * Open an adapter of unknown origin; everything but the numbers is checked.
 * @throws AppError `adapter.invalid`, `gguf.malformed`, `gguf.type-unsupported`
 */
export async function openGgufAdapter(path: string): Promise<AdapterFile> {
  const gguf = await openGguf(path);
  try {
    const read = (key: string) => gguf.metadata.get(key);
    if (read('general.type') !== 'adapter' || read('adapter.type') !== 'lora')
      throw invalidAdapter(
        `its type is ${String(read('general.type') ?? 'model')}/${String(read('adapter.type') ?? 'none')}, expected adapter/lora`,
      );
    const architecture = read('general.architecture');
    if (typeof architecture !== 'string') throw invalidAdapter('it does not name its architecture');
    return {
      format: 'gguf',
      architecture,
      baseName: null,
      alpha: checkAlpha(read('adapter.lora.alpha')),
      factors: pairFactors(gguf),
      trainedOn: parseTrainedOn({
        baseSha256: read(trainedOnKeys.base) ?? null,
        templateSha256: read(trainedOnKeys.template) ?? null,
      }),
      close: () => gguf.close(),
    };
  } catch (error) {
    await gguf.close();
    throw error;
  }
}

/**
 * Read an adapter of unknown origin and check all of it against the base: names, counts, shapes, types and values. Sizes are
 * checked before anything is read.
 * @throws AppError `adapter.invalid`, `gguf.malformed`, `gguf.type-unsupported`
 */
export async function readGgufAdapter(path: string, config: DecoderConfig): Promise<LoraAdapter> {
  const file = await openGgufAdapter(path);
  try {
    return await loadAdapter(file, config);
  } finally {
    await file.close();
  }
}
