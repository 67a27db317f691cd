import { defineConfig } from 'vitest/config';

/** One project a kind of test; the suffix of a file says what it needs (docs: CONTRIBUTING.md). */
const kinds = ['db', 'contract', 'model'] as const;
const exclude = ['node_modules/**', '.next/**', '.data/**', '.cache/**', 'e2e/**'];

export default defineConfig({
  test: {
    reporters: ['default'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{app,lib,db,scripts}/**/*.test.{ts,tsx}'],
          exclude: [...exclude, ...kinds.map((kind) => `**/*.${kind}.test.ts`)],
          setupFiles: ['lib/testing/setup.ts'],
        },
      },
      ...kinds.map((kind) => ({
        test: {
          name: kind,
          include: [`{app,lib,db,scripts}/**/*.${kind}.test.ts`],
          exclude,
          setupFiles: ['lib/testing/setup.ts'],
          testTimeout: kind === 'model' ? 300_000 : 120_000,
          hookTimeout: kind === 'model' ? 300_000 : 120_000,
          // Real weights and real databases: two files side by side would compete for two cores.
          fileParallelism: kind === 'contract' || kind === 'db',
          maxWorkers: kind === 'model' ? 1 : 2,
        },
      })),
    ],
  },
});
