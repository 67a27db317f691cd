import type { Command } from 'commander';
import type { Env } from '#lib/config/env.ts';
import { AppError } from '#lib/domain/errors.ts';
import { type BaseHeader, readBaseHeader } from '#lib/lora/base/read-base-header.ts';
import type { ChatTemplateHint } from '#lib/models/catalog.ts';
import { chooseModels } from '#lib/models/model-choice.ts';
import { resolveModel } from '#lib/models/model-store.ts';

/** A base model on this machine, its header checked and of an architecture that adapters are trained for. */
export interface ResolvedBase extends BaseHeader {
  /** Catalog id, or the absolute path of a GGUF. */
  readonly id: string;
  readonly path: string;
  /** Of the GGUF file. */
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Chat template of the catalog for files that carry none. */
  readonly templateHint: ChatTemplateHint | null;
}

/** `--base`, optional: without it the base in use answers. */
export function withBaseOption(
  command: Command,
  description = 'catalog id or GGUF file of the base model (default: the one in use)',
): Command {
  return command.option('--base <id or path>', description);
}

/**
 * @param idOrPath undefined for the base that this data directory uses
 * @throws AppError `model.*`, `gguf.*`, `adapter.architecture-unsupported`
 */
export async function resolveBase(idOrPath: string | undefined, env: Env): Promise<ResolvedBase> {
  const wanted = idOrPath ?? (await chooseModels(env)).baseModel;
  const model = await resolveModel(wanted, env.modelsDir);
  const [weights] = model.files;
  if (weights === undefined || (model.kind !== null && model.kind !== 'base'))
    throw new AppError({
      code: 'model.not-a-base',
      message: `${model.id} is of the kind ${model.kind}; adapters belong to a base model`,
    });
  return {
    id: model.id,
    path: weights.path,
    sha256: model.sha256,
    sizeBytes: weights.sizeBytes,
    templateHint: model.entry?.kind === 'base' ? model.entry.chatTemplate : null,
    ...(await readBaseHeader(weights.path)),
  };
}
