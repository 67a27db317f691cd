import { describe, expect, test } from 'vitest';
import { loadEnv } from '#lib/config/env.ts';
import { findModel, modelCatalog } from './catalog.ts';

test('the default settings name models of the right kind', () => {
  const env = loadEnv({});
  expect(findModel(env.baseModel)?.kind).toBe('base');
  expect(findModel(env.embeddingModel)?.kind).toBe('embedding');
});

test('the defaults need nothing but an npm registry', () => {
  const env = loadEnv({});
  for (const id of [env.baseModel, env.embeddingModel]) {
    const parts = findModel(id)?.files.flatMap((file) => file.parts) ?? [];
    expect(parts.length).toBeGreaterThan(0);
    for (const part of parts) expect(part.sources[0]?.kind).toBe('npm');
  }
});

test('ids are unique and fit a folder name', () => {
  const ids = modelCatalog.map((entry) => entry.id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^[a-z0-9][a-z0-9.-]+$/);
});

describe.each(modelCatalog.map((entry) => [entry.id, entry] as const))('%s', (_id, entry) => {
  test('its sizes add up and every byte is pinned', () => {
    expect(entry.files.reduce((sum, file) => sum + file.sizeBytes, 0)).toBe(entry.sizeBytes);
    expect(entry.memoryBytes).toBeGreaterThan(entry.files[0]?.sizeBytes ?? 0);
    for (const file of entry.files) {
      expect(file.sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(file.parts.reduce((sum, part) => sum + part.sizeBytes, 0)).toBe(file.sizeBytes);
      for (const part of file.parts) expect(part.sources.length).toBeGreaterThan(0);
    }
  });

  test('its sources are exact: versions and commits, never a moving name', () => {
    const sources = entry.files.flatMap((file) => file.parts.flatMap((part) => part.sources));
    const versions = sources.flatMap((source) => (source.kind === 'npm' ? [source.version] : []));
    const revisions = sources.flatMap((source) => (source.kind === 'hf' ? [source.revision] : []));
    expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
    expect(revisions.filter((revision) => !/^[0-9a-f]{40}$/.test(revision))).toEqual([]);
    expect(versions.length + revisions.length).toBe(sources.length);
  });
});
