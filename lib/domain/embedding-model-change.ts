import { AppError } from './errors.ts';

interface IndexedWith {
  readonly embeddingModel: string;
  readonly embeddingSha256: string | null;
  readonly dimensions: number;
}

interface RunningModel {
  readonly id: string;
  readonly sha256: string | null;
  readonly dimensions: number;
}

/**
 * Vectors of two models cannot be compared, even where their dimensions agree. Checksums decide where both are known, else
 * names.
 * @returns the error to throw, `index.model-changed`; null when the running model made the index
 */
export function describeModelChange(index: IndexedWith, running: RunningModel): AppError | null {
  const isSame =
    index.dimensions === running.dimensions &&
    (index.embeddingSha256 === null || running.sha256 === null
      ? index.embeddingModel === running.id
      : index.embeddingSha256 === running.sha256);
  if (isSame) return null;
  return new AppError({
    code: 'index.model-changed',
    message: `the index was made with ${index.embeddingModel} (${index.dimensions} dimensions), the runtime has ${running.id} (${running.dimensions}); set EMBEDDING_MODEL back or re-index`,
    userMessage: `This workspace was indexed with the embedding model ${index.embeddingModel}, but the server now runs ${running.id}. Vectors of two models cannot be mixed: set EMBEDDING_MODEL back, or let an admin re-index the workspace.`,
    details: { indexed: index.embeddingModel, running: running.id },
  });
}
