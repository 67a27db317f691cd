import { copyFile, mkdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Command } from 'commander';
import { AppError } from '#lib/domain/errors.ts';
import { MANIFEST_FILE, readManifest, writeManifest } from '#lib/lora/adapter/manifest.ts';
import { readAdapter } from '#lib/lora/adapter/read-adapter.ts';
import { ADAPTER_FILE, type RunReport } from '#lib/lora/train/training-run.ts';
import { describeFile, type WrittenFile, writeAdapterFile } from './adapter-output.ts';
import { openBaseTokenizer } from './base-tokenizer.ts';
import { type CommandContext, defineCommand, type OutputOptions, printResult } from './command-line.ts';
import { parseCount } from './parse-number.ts';
import { buildRecipeRows, formatHeldOut, formatRows } from './recipe/build-rows.ts';
import { PROMPT_VERSIONS } from './recipe/grounded-rows.ts';
import { type Recipe, readCollections, readRecipe } from './recipe/recipe.ts';
import { type ResolvedBase, resolveBase } from './resolve-base.ts';
import { resumeRun, startRun } from './train.ts';

interface ReproduceOptions extends OutputOptions {
  readonly datasets: string;
  readonly out: string;
  readonly base?: string;
  readonly threads?: number;
  readonly rowsOnly?: true;
  readonly ship?: true;
}

const fileExists = (file: string) =>
  stat(file).then(
    () => true,
    () => false,
  );

function requireBase(recipe: Recipe, base: ResolvedBase): void {
  if (base.sha256 === recipe.base.sha256) return;
  throw new AppError({
    code: 'training.input-changed',
    message: `the recipe is for ${recipe.base.id} (SHA-256 ${recipe.base.sha256}); ${base.id} has ${base.sha256}`,
  });
}

/** The rows of training, of validation and of what is never trained on, as files. */
async function writeRows(directory: string, recipe: Recipe, base: ResolvedBase, options: ReproduceOptions) {
  const collections = await readCollections(recipe, directory, options.datasets);
  const tokenizer = await openBaseTokenizer({ path: base.path, templateHint: base.templateHint ?? undefined });
  try {
    const rows = await buildRecipeRows(recipe, collections, tokenizer);
    const train = formatRows(rows.train);
    const files = {
      train: path.join(options.out, 'train.jsonl'),
      validation: path.join(options.out, 'validation.jsonl'),
      heldOutArticles: path.join(options.out, 'held-out-articles.jsonl'),
      heldOutPolicies: path.join(options.out, 'held-out-policies.jsonl'),
    };
    await mkdir(options.out, { recursive: true });
    await writeFile(files.train, train.text);
    await writeFile(files.validation, formatRows(rows.validation).text);
    await writeFile(files.heldOutArticles, formatHeldOut(rows.heldOut, collections.articles));
    await writeFile(files.heldOutPolicies, formatHeldOut(rows.heldOut, collections.policies));
    return { files, sha256: train.sha256, count: rows.train.length };
  } finally {
    await tokenizer.close();
  }
}

/** Weights and manifest beside the recipe, named by their bytes. */
async function ship(
  directory: string,
  adapterFile: WrittenFile,
  recipe: Recipe,
  base: ResolvedBase,
  report: RunReport,
) {
  const { rank, alpha, modules } = recipe.config.lora;
  await copyFile(adapterFile.path, path.join(directory, ADAPTER_FILE));
  await writeManifest(directory, {
    name: path.basename(path.resolve(directory)),
    description: recipe.description,
    base: { id: recipe.base.id, sha256: base.sha256 },
    templateSha256: report.templateSha256,
    file: { name: ADAPTER_FILE, sha256: adapterFile.sha256, sizeBytes: adapterFile.sizeBytes },
    architecture: base.config.architecture,
    rank,
    alpha,
    modules,
    promptVersions: [...PROMPT_VERSIONS],
    training: {
      rowsSha256: report.data.sha256,
      step: report.adapterStep,
      totalSteps: report.totalSteps,
      tokens: report.tokens,
      baseLoss: report.baseLoss,
      loss: report.bestLoss,
    },
  });
}

/** As it ships: half the bytes, and no difference in what it answers. */
async function finish(directory: string, run: string, base: ResolvedBase, options: ReproduceOptions) {
  const file = await writeAdapterFile(
    path.join(options.out, ADAPTER_FILE),
    await readAdapter(path.join(run, ADAPTER_FILE), base),
    'F16',
  );
  const hasManifest = await fileExists(path.join(directory, MANIFEST_FILE));
  return { file, shippedSha256: hasManifest ? (await readManifest(directory)).file.sha256 : null };
}

async function reproduce(directory: string, options: ReproduceOptions, context: CommandContext): Promise<void> {
  const recipe = await readRecipe(directory);
  const base = await resolveBase(options.base ?? recipe.base.id, context.env);
  requireBase(recipe, base);
  const rows = await writeRows(directory, recipe, base, options);
  const isSameRows = rows.sha256 === recipe.rowsSha256;
  const note = isSameRows
    ? `${rows.count} rows, those that the recipe names`
    : `${rows.count} rows with SHA-256 ${rows.sha256}; the recipe names ${recipe.rowsSha256}: prompts or the choice of sentences have changed since`;
  if (options.rowsOnly) {
    printResult({ ...rows, isSameRows }, [note, ...Object.values(rows.files)], options);
    return;
  }
  if (!options.json) console.error(note);
  const run = path.join(options.out, 'run');
  const report: RunReport = (await fileExists(path.join(run, 'run.json')))
    ? await resumeRun(run, context, options, recipe.config)
    : await startRun(
        run,
        {
          base,
          dataPath: rows.files.train,
          validation: [{ name: 'validation', path: rows.files.validation }],
          config: recipe.config,
          threads: options.threads,
        },
        context,
        options,
      );
  if (report.outcome === 'stopped') return;
  const { file, shippedSha256 } = await finish(directory, run, base, options);
  if (options.ship) await ship(directory, file, recipe, base, report);
  printResult(
    { event: 'reproduce-finish', isSameRows, isSameBytes: file.sha256 === shippedSha256, shippedSha256, ...file },
    [
      describeFile(file),
      file.sha256 === shippedSha256
        ? 'the same bytes as the weights that ship'
        : 'not the same bytes as the weights that ship: other threads, another processor or other rows round differently',
    ],
    options,
  );
}

export function registerReproduce(program: Command, context: CommandContext): void {
  defineCommand(program, 'reproduce', 'train an adapter that ships with the product again, from its recipe')
    .argument('<directory>', 'with recipe.json, such as adapters/grounded-answers')
    .requiredOption('--datasets <directory>', 'where the data sets lie that the recipe names')
    .requiredOption('--out <directory>', 'rows, run and adapter; a run that is there already goes on')
    .option('--base <id or path>', 'the base of the recipe, where it lies elsewhere')
    .option('--threads <n>', 'threads of the matrix products (default: one core stays free)', parseCount)
    .option('--rows-only', 'write the rows of training and of the measurement, and end')
    .option('--ship', 'put weights and manifest into the folder of the recipe, in place of those that ship now')
    .action((directory: string, options: ReproduceOptions) => reproduce(directory, options, context));
}
