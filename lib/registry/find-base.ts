import { AppError } from '#lib/domain/errors.ts';
import { type DecoderConfig, readDecoderConfig } from '#lib/lora/architectures/architecture.ts';
import { openGguf } from '#lib/lora/gguf/read-gguf.ts';
import { chooseModels, findRoleModel, type ModelSettings } from '#lib/models/model-choice.ts';
import { resolveModel } from '#lib/models/model-store.ts';

/** The base model of this installation, as far as adapters ask for it. */
export interface LocalBase {
  /** Catalog id, or the absolute path of a GGUF. */
  readonly id: string;
  readonly path: string;
  /** Of the GGUF file. */
  readonly sha256: string;
  readonly config: DecoderConfig;
}

export type FindBase = () => Promise<LocalBase>;

/**
 * Looks the base up at every call, because the choice can change under a running process; the checksum is remembered beside
 * the models, and only the header of the file is read.
 * @throws (when called) AppError `model.*`, `gguf.*`, `adapter.architecture-unsupported`
 */
export function createBaseFinder(settings: ModelSettings & { readonly modelsDir: string }): FindBase {
  return async () => {
    const { baseModel } = await chooseModels(settings);
    if (baseModel === 'none') {
      throw new AppError({
        code: 'model.not-a-base',
        message: 'BASE_MODEL is none; adapters need a base model',
        userMessage: 'No base model is in use. Adapters belong to a base model: choose one first.',
      });
    }
    const model = await findRoleModel('base', baseModel, (wanted) => resolveModel(wanted, settings.modelsDir));
    const [weights] = model.files;
    if (weights === undefined) throw new Error(`${model.id} has no files`);
    const gguf = await openGguf(weights.path);
    try {
      return { id: model.id, path: weights.path, sha256: model.sha256, config: readDecoderConfig(gguf) };
    } finally {
      await gguf.close();
    }
  };
}
