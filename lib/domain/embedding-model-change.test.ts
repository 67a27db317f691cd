import { expect, it } from 'vitest';
import { describeModelChange } from './embedding-model-change.ts';

const index = { embeddingModel: 'mini', embeddingSha256: 'a'.repeat(64), dimensions: 384 };

it('goes by the checksum where both are known: a file that was moved is the same model', () => {
  const moved = { id: '/models/mini.gguf', sha256: 'a'.repeat(64), dimensions: 384 };
  expect(describeModelChange(index, moved)).toBeNull();
  expect(describeModelChange(index, { ...moved, id: 'mini', sha256: 'b'.repeat(64) })).not.toBeNull();
});

it('goes by the name where a checksum is unknown, and never past the dimensions', () => {
  const foreign = { id: 'mini', sha256: null, dimensions: 384 };
  expect(describeModelChange(index, foreign)).toBeNull();
  expect(describeModelChange(index, { ...foreign, id: 'other' })).not.toBeNull();
  expect(describeModelChange(index, { ...foreign, dimensions: 768 })).not.toBeNull();
});

it('names both models and the setting', () => {
  const error = describeModelChange(index, { id: '/models/own.gguf', sha256: null, dimensions: 768 });
  expect(error).toMatchObject({ code: 'index.model-changed' });
  for (const part of ['mini', '384', '/models/own.gguf', '768', 'EMBEDDING_MODEL']) {
    expect(error?.message).toContain(part);
  }
});
