import path from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { loadEnv } from '#lib/config/env.ts';
import { AppError } from '#lib/domain/errors.ts';
import { formatBytes } from '#lib/domain/format-bytes.ts';
import { modelCatalog } from '#lib/models/catalog.ts';
import { chooseModels, useModel } from '#lib/models/model-choice.ts';
import { listModels, resolveModel, verifyModel } from '#lib/models/model-store.ts';
import { ensureModel } from './models/pull-defaults.ts';
import { createProgressBar } from './start/progress-bar.ts';

/** `npm run models -- list | pull | verify | use`: the catalog of lib/models from the command line. */

const env = loadEnv();

interface Output {
  readonly json?: true;
}

function print(value: unknown, lines: readonly string[], output: Output): void {
  console.log(output.json ? JSON.stringify(value) : lines.join('\n'));
}

async function list(output: Output): Promise<void> {
  const inUse = await chooseModels(env);
  const states = await listModels(env.modelsDir);
  const chosen = new Set([inUse.baseModel, inUse.embeddingModel]);
  const models = states.map(({ entry, state, presentBytes }) => ({
    id: entry.id,
    name: entry.name,
    kind: entry.kind,
    licence: entry.licence,
    sizeBytes: entry.sizeBytes,
    memoryBytes: entry.memoryBytes,
    contextTokens: entry.contextTokens,
    state,
    presentBytes,
    isChosen: chosen.has(entry.id),
  }));
  const rows = models.map((model) => [
    model.isChosen ? '*' : ' ',
    model.id,
    model.kind,
    formatBytes(model.sizeBytes),
    formatBytes(model.memoryBytes),
    model.state,
    model.licence,
  ]);
  const header = [' ', 'id', 'kind', 'download', 'memory', 'state', 'licence'];
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const format = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  print(
    { modelsDir: env.modelsDir, models },
    [format(header), ...rows.map(format), '', `* in use. Models lie in ${env.modelsDir}`],
    output,
  );
}

async function pull(ids: readonly string[], output: Output): Promise<void> {
  const inUse = await chooseModels(env);
  const wanted = ids.length > 0 ? ids : [inUse.baseModel, inUse.embeddingModel].filter((id) => id !== 'none');
  const pulled = [];
  for (const id of wanted) {
    const bar = createProgressBar(process.stderr);
    try {
      const model = await ensureModel(id, env, { onProgress: bar.show });
      pulled.push({ id: model.id, sha256: model.sha256, files: model.files });
    } finally {
      bar.finish();
    }
  }
  print(
    { pulled },
    pulled.map((model) => `${model.id}  sha256 ${model.sha256}  ${path.dirname(model.files[0]?.path ?? '')}`),
    output,
  );
}

async function verify(ids: readonly string[], output: Output): Promise<void> {
  const states = await listModels(env.modelsDir);
  const wanted = ids.length > 0 ? ids : states.filter(({ state }) => state !== 'absent').map(({ entry }) => entry.id);
  const results = [];
  for (const id of wanted) {
    try {
      const model = await verifyModel(id, env.modelsDir);
      results.push({ id, ok: true, sha256: model.sha256, error: null });
    } catch (error) {
      if (!AppError.isInstance(error)) throw error;
      results.push({ id, ok: false, sha256: null, error: { code: error.code, message: error.message } });
    }
  }
  print(
    { results },
    results.length === 0
      ? [`no model in ${env.modelsDir}; run: npm run models -- pull`]
      : results.map(
          (result) =>
            `${result.ok ? 'ok  ' : 'BAD '} ${result.id}  ${result.error?.message ?? `sha256 ${result.sha256}`}`,
        ),
    output,
  );
  if (results.length === 0 || results.some((result) => !result.ok)) process.exitCode = 1;
}

function parseRole(value: string): 'base' | 'embedding' {
  if (value !== 'base' && value !== 'embedding') throw new InvalidArgumentError('expected base or embedding');
  return value;
}

async function use(idOrPath: string, options: Output & { readonly as?: 'base' | 'embedding' }): Promise<void> {
  // Before anything is stored: a path that leads nowhere must not become the choice.
  const isReady = await resolveModel(idOrPath, env.modelsDir).then(
    () => true,
    (error: unknown) => {
      if (AppError.isInstance(error) && error.code === 'model.not-downloaded') return false;
      throw error;
    },
  );
  const choice = await useModel(env.dataDir, idOrPath, options.as);
  const overridden = [
    ...(env.isBaseModelSet ? ['BASE_MODEL'] : []),
    ...(env.isEmbeddingModelSet ? ['EMBEDDING_MODEL'] : []),
  ];
  print(
    { choice, isReady, overridden },
    [
      `Chosen for ${env.dataDir}: base ${choice.base ?? '(default)'}, embedding ${choice.embedding ?? '(default)'}.`,
      isReady
        ? 'Takes effect at the next npm start.'
        : `The next npm start downloads it; or now: npm run models -- pull ${idOrPath}`,
      ...overridden.map((name) => `${name} is set in the environment and wins over this choice.`),
    ],
    options,
  );
}

const program = new Command('models').description('The models that this machine can use').showHelpAfterError();
program
  .command('list', { isDefault: true })
  .description('what the catalog holds and what is here')
  .option('--json')
  .action(list);
program
  .command('pull')
  .description(`download models (default: those in use); ids: ${modelCatalog.map((entry) => entry.id).join(', ')}`)
  .argument('[ids...]')
  .option('--json')
  .action(pull);
program
  .command('verify')
  .description('hash every byte of downloaded models (default: all that are here)')
  .argument('[ids...]')
  .option('--json')
  .action(verify);
program
  .command('use')
  .description('choose the base or embedding model of the data directory')
  .argument('<id or path of a .gguf>')
  .option('--as <role>', 'what a path is for: base or embedding', parseRole)
  .option('--json')
  .action(use);

try {
  await program.parseAsync();
} catch (error) {
  if (process.argv.includes('--json')) {
    const code = AppError.isInstance(error) ? error.code : 'internal';
    console.log(JSON.stringify({ error: { code, message: error instanceof Error ? error.message : String(error) } }));
  } else {
    console.error(`models: ${error instanceof Error ? error.message : String(error)}`);
  }
  process.exitCode = 1;
}
