import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { AppError } from '#lib/domain/errors.ts';
import { type ModelKind, requireModel } from './catalog.ts';
import { wrongKind } from './model-errors.ts';
import { isModelPath, type ResolvedModel } from './model-store.ts';

/** What a model is for, and the setting that names it. */
export const roleSettings = { base: 'BASE_MODEL', embedding: 'EMBEDDING_MODEL' } as const;
export type ModelRole = keyof typeof roleSettings;

/** Failures that another value of the setting cures; those of a download or a disk are told as they are. */
const SETTING_CODES: ReadonlySet<string> = new Set([
  'model.unknown',
  'model.wrong-kind',
  'model.file-unreadable',
  'model.not-gguf',
]);

/**
 * Find or bring the model that a setting names. Where the setting is to blame, the error says which, and its value.
 * @param find looks the model up or downloads it; called only when the catalog does not know it as another kind
 * @throws model.wrong-kind, and what `find` throws
 */
export async function findRoleModel(
  role: ModelRole,
  idOrPath: string,
  find: (idOrPath: string) => Promise<ResolvedModel>,
): Promise<ResolvedModel> {
  try {
    if (!isModelPath(idOrPath)) {
      const { kind } = requireModel(idOrPath);
      if (kind !== role) throw wrongKind(idOrPath, kind, role);
    }
    return await find(idOrPath);
  } catch (error) {
    if (!AppError.isInstance(error) || !SETTING_CODES.has(error.code)) throw error;
    throw new AppError({
      code: error.code,
      message: `${roleSettings[role]}=${idOrPath}: ${error.message}`,
      details: error.details,
      cause: error,
    });
  }
}

/**
 * The models that `npm run models -- use` has chosen for a data directory, in `<data directory>/models.json`. A setting in
 * the environment (BASE_MODEL, EMBEDDING_MODEL) wins over the file; the file wins over the defaults.
 */
const choiceSchema = z.object({ base: z.string().min(1).optional(), embedding: z.string().min(1).optional() });

export type ModelChoice = z.infer<typeof choiceSchema>;

function choiceFile(dataDir: string): string {
  return path.join(dataDir, 'models.json');
}

/**
 * @returns an empty choice when nothing was chosen
 * @throws Error when the file is there but unreadable: a wrong model must not be taken silently
 */
export async function readModelChoice(dataDir: string): Promise<ModelChoice> {
  let text: string;
  try {
    text = await readFile(choiceFile(dataDir), 'utf8');
  } catch {
    return {};
  }
  try {
    return choiceSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new Error(
      `${choiceFile(dataDir)} is not readable; expected {"base": "...", "embedding": "..."}. Fix or delete it`,
      {
        cause: error,
      },
    );
  }
}

/** The settings that say which models are wanted, as `loadEnv` reads them. */
export interface ModelSettings {
  readonly dataDir: string;
  readonly baseModel: string;
  readonly embeddingModel: string;
  readonly isBaseModelSet: boolean;
  readonly isEmbeddingModelSet: boolean;
}

/** The models in force: environment before stored choice before default. @throws as readModelChoice does */
export async function chooseModels(
  settings: ModelSettings,
): Promise<{ readonly baseModel: string; readonly embeddingModel: string }> {
  const choice = await readModelChoice(settings.dataDir);
  return {
    baseModel: settings.isBaseModelSet ? settings.baseModel : (choice.base ?? settings.baseModel),
    embeddingModel: settings.isEmbeddingModelSet
      ? settings.embeddingModel
      : (choice.embedding ?? settings.embeddingModel),
  };
}

/**
 * Choose the base or the embedding model of a data directory; takes effect at the next start. That a path leads to a model is
 * for the caller to see first.
 * @param idOrPath catalog id, which says itself what it is, or the path of a GGUF
 * @param role needed for a path only
 * @throws model.unknown; Error for a reranker or a path without a role
 */
export async function useModel(dataDir: string, idOrPath: string, role?: ModelKind): Promise<ModelChoice> {
  const isPath = isModelPath(idOrPath);
  const kind = isPath ? role : requireModel(idOrPath).kind;
  if (kind !== 'base' && kind !== 'embedding') {
    throw new Error(
      kind === undefined
        ? 'say what the file is for: --as base or --as embedding'
        : `a ${kind} cannot be chosen here; expected a base or an embedding model`,
    );
  }
  const choice: ModelChoice = {
    ...(await readModelChoice(dataDir)),
    [kind]: isPath ? path.resolve(idOrPath) : idOrPath,
  };
  await mkdir(dataDir, { recursive: true });
  const draft = `${choiceFile(dataDir)}.${process.pid}`;
  await writeFile(draft, `${JSON.stringify(choice, null, 2)}\n`);
  await rename(draft, choiceFile(dataDir));
  return choice;
}
