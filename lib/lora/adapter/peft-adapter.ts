import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { type DecoderConfig, type TargetModule, targetModules } from '../architectures/architecture.ts';
import { writeWholeFile } from '../files/write-whole-file.ts';
import {
  checkAlpha,
  checkFactorShapes,
  checkFinite,
  invalidAdapter,
  type LoraAdapter,
  type TrainedOn,
} from './adapter.ts';
import { type AdapterFile, loadAdapter, type StoredFactors } from './adapter-file.ts';
import { openSafetensors, type SafetensorsFile, writeSafetensors } from './safetensors.ts';
import { NOT_SAID, parseTrainedOn } from './trained-on.ts';

/**
 * PEFT's directory: `adapter_config.json` and `adapter_model.safetensors`. Its llama checkpoints keep both halves of a
 * rotary head apart, GGUF files interleave them; B of q_proj and k_proj changes its row order at this border.
 */
const configSchema = z.object({
  base_model_name_or_path: z.string().nullable().default(null),
  peft_type: z.literal('LORA'),
  r: z.number().int().min(1),
  lora_alpha: z.number().positive(),
  target_modules: z.union([z.array(z.string()), z.string()]),
  bias: z.literal('none').default('none'),
  fan_in_fan_out: z.literal(false).default(false),
  use_rslora: z.boolean().default(false),
  use_dora: z.literal(false).default(false),
  rank_pattern: z.record(z.string(), z.number()).default({}),
  alpha_pattern: z.record(z.string(), z.number()).default({}),
  modules_to_save: z.union([z.null(), z.array(z.string()).max(0)]).default(null),
});

const CONFIG_FILE = 'adapter_config.json';
/** Those in use have a few kilobytes. */
const MAX_CONFIG_BYTES = 1024 * 1024;
/** Beside PEFT's own files, which it reads by name: an unknown key in its configuration would stop some of its versions. */
const TRAINED_ON_FILE = 'lorehouse.json';
const WEIGHTS_FILE = 'adapter_model.safetensors';

const blockOf = (module: TargetModule) => (/^(q|k|v|o)_proj$/.test(module) ? 'self_attn' : 'mlp');
const keyOf = (layer: number, module: TargetModule, part: 'A' | 'B') =>
  `base_model.model.model.layers.${layer}.${blockOf(module)}.${module}.lora_${part}.weight`;
const keyPattern = /^base_model\.model\.model\.layers\.(\d{1,4})\.(?:self_attn|mlp)\.(\w+_proj)\.lora_(A|B)\.weight$/;

/** Heads whose rows change places for `module`, or 0 where the order is the same in both formats. */
function countRotaryHeads(config: DecoderConfig, module: TargetModule): number {
  if (config.rotaryPairs !== 'neighbours') return 0;
  if (module === 'q_proj') return config.headCount;
  return module === 'k_proj' ? config.keyValueHeadCount : 0;
}

/**
 * Rows of B between the two orders. Row i of the second half of a head stands at 2i + 1 in a GGUF file, row i of the first
 * half at 2i.
 * @param up [heads · headSize, rank]
 */
function reorderRows(
  up: Float32Array,
  rank: number,
  headCount: number,
  direction: 'to-gguf' | 'to-peft',
): Float32Array {
  const rows = up.length / rank;
  const headSize = rows / headCount;
  const reordered = new Float32Array(up.length);
  for (let row = 0; row < rows; row++) {
    const within = row % headSize;
    const half = Math.floor(within / (headSize / 2));
    const interleaved = row - within + 2 * (within % (headSize / 2)) + half;
    const [from, to] = direction === 'to-gguf' ? [row, interleaved] : [interleaved, row];
    reordered.set(up.subarray(from * rank, (from + 1) * rank), to * rank);
  }
  return reordered;
}

/**
 * Write a directory that PEFT loads onto the base named `baseName`.
 * @param options what the factors do not tell: PEFT shows them, and training from the directory goes on with them
 */
export async function writePeftAdapter(
  directory: string,
  adapter: LoraAdapter,
  config: DecoderConfig,
  options: { readonly baseName: string; readonly dropout: number },
): Promise<void> {
  const [first] = adapter.factors;
  if (!first) throw invalidAdapter('it adapts no layer');
  // alpha / rank must come out the same for every layer, and PEFT scales by the pattern where ranks differ.
  const rankPattern = Object.fromEntries(
    adapter.factors
      .filter(({ rank }) => rank !== first.rank)
      .map(({ layer, module, rank }) => [`layers.${layer}.${blockOf(module)}.${module}`, rank]),
  );
  await mkdir(directory, { recursive: true });
  await writeSafetensors(
    path.join(directory, WEIGHTS_FILE),
    adapter.factors.flatMap(({ layer, module, rank, down, up }) => {
      const heads = countRotaryHeads(config, module);
      return [
        { name: keyOf(layer, module, 'A'), shape: [rank, down.length / rank], values: down },
        {
          name: keyOf(layer, module, 'B'),
          shape: [up.length / rank, rank],
          values: heads > 0 ? reorderRows(up, rank, heads, 'to-peft') : up,
        },
      ];
    }),
  );
  const trainedOnFile = path.join(directory, TRAINED_ON_FILE);
  // An older one would speak of other weights.
  await rm(trainedOnFile, { force: true });
  if (adapter.trainedOn !== undefined)
    await writeWholeFile(trainedOnFile, (handle) =>
      handle.writeFile(`${JSON.stringify(adapter.trainedOn, null, 2)}\n`),
    );
  // Last and in one piece: a directory with a configuration is whole.
  const peftConfig = {
    base_model_name_or_path: options.baseName,
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    r: first.rank,
    lora_alpha: adapter.alpha,
    lora_dropout: options.dropout,
    target_modules: targetModules.filter((module) => adapter.factors.some((factors) => factors.module === module)),
    rank_pattern: rankPattern,
    alpha_pattern: {},
    bias: 'none',
    fan_in_fan_out: false,
    use_rslora: false,
    inference_mode: true,
  };
  await writeWholeFile(path.join(directory, CONFIG_FILE), (handle) =>
    handle.writeFile(`${JSON.stringify(peftConfig, null, 2)}\n`),
  );
}

async function readJson(directory: string, name: string): Promise<unknown> {
  const file = path.join(directory, name);
  const { size } = await stat(file);
  if (size > MAX_CONFIG_BYTES) throw invalidAdapter(`${name} has ${size} bytes, more than ${MAX_CONFIG_BYTES}`);
  const text = await readFile(file, 'utf8');
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalidAdapter(`${name} is no JSON: ${String(cause)}`);
  }
}

async function readTrainedOn(directory: string): Promise<TrainedOn> {
  const isThere = (await readdir(directory)).includes(TRAINED_ON_FILE);
  return isThere ? parseTrainedOn(await readJson(directory, TRAINED_ON_FILE)) : NOT_SAID;
}

async function readConfig(directory: string): Promise<z.infer<typeof configSchema>> {
  const parsed = configSchema.safeParse(await readJson(directory, CONFIG_FILE));
  if (parsed.success) return parsed.data;
  const reasons = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`);
  throw invalidAdapter(`${CONFIG_FILE} is not of a kind that can be served (${reasons.join('; ')})`);
}

const isPart = (text: string | undefined): text is 'A' | 'B' => text === 'A' || text === 'B';

function pairFactors(file: SafetensorsFile, rescaleUp: (rank: number) => number): readonly StoredFactors[] {
  const pairs: StoredFactors[] = [];
  const expected = new Set<string>();
  for (const down of file.entries.values()) {
    const [, layerText, moduleText, part] = keyPattern.exec(down.name) ?? [];
    const module = targetModules.find((candidate) => candidate === moduleText);
    // A key spelt otherwise (layer 001, another block) could adapt the same layer twice.
    if (!module || !isPart(part) || down.name !== keyOf(Number(layerText), module, part))
      throw invalidAdapter(`it holds ${down.name.slice(0, 200)}, which is no LoRA factor of a linear layer`);
    if (part !== 'A') continue;
    const layer = Number(layerText);
    const up = file.entries.get(keyOf(layer, module, 'B'));
    if (!up) throw invalidAdapter(`${down.name} has no matching B`);
    const shape = checkFactorShapes(`${module} of layer ${layer}`, down.shape, up.shape);
    expected.add(down.name).add(up.name);
    const factor = rescaleUp(shape.rank);
    pairs.push({
      layer,
      module,
      ...shape,
      storedAs: down.dtype,
      read: async () => {
        const upValues = checkFinite(up.name, await up.read());
        return {
          down: checkFinite(down.name, await down.read()),
          up:
            factor === 1
              ? upValues
              : checkFinite(
                  up.name,
                  upValues.map((value) => value * factor),
                ),
        };
      },
    });
  }
  if (pairs.length === 0) throw invalidAdapter('it adapts no layer');
  if (expected.size !== file.entries.size) throw invalidAdapter('it holds a B without its A');
  return pairs;
}

/**
 * Open a PEFT directory of unknown origin; everything but the numbers is checked.
 * @throws AppError `adapter.invalid`
 */
export async function openPeftAdapter(directory: string): Promise<AdapterFile> {
  const peft = await readConfig(directory);
  if (Object.keys(peft.alpha_pattern).length > 0)
    throw invalidAdapter('it scales its layers differently (alpha_pattern); one alpha for all is supported');
  const trainedOn = await readTrainedOn(directory);
  const file = await openSafetensors(path.join(directory, WEIGHTS_FILE));
  try {
    // PEFT scales by alpha / √rank when rank-stabilised; GGUF readers always divide by the rank. One alpha makes both the
    // same for the main rank, and B of a layer with another rank makes up for the rest.
    const alpha = peft.use_rslora ? peft.lora_alpha * Math.sqrt(peft.r) : peft.lora_alpha;
    return {
      format: 'peft',
      architecture: null,
      baseName: peft.base_model_name_or_path,
      alpha: checkAlpha(alpha),
      factors: pairFactors(file, (rank) => (peft.use_rslora ? Math.sqrt(rank / peft.r) : 1)),
      trainedOn,
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * Read a PEFT directory of unknown origin, checked against the base as {@link readGgufAdapter} does.
 * @throws AppError `adapter.invalid`
 */
export async function readPeftAdapter(directory: string, config: DecoderConfig): Promise<LoraAdapter> {
  const file = await openPeftAdapter(directory);
  try {
    const adapter = await loadAdapter(file, config);
    const factors = adapter.factors.map((pair) => {
      const heads = countRotaryHeads(config, pair.module);
      return heads > 0 ? { ...pair, up: reorderRows(pair.up, pair.rank, heads, 'to-gguf') } : pair;
    });
    return { ...adapter, factors };
  } finally {
    await file.close();
  }
}
