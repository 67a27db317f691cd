import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';

const root = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);

/** A project in which each import below breaks exactly the rule in its comment, or none. */
const files: Record<string, string> = {
  'lib/domain/rules.ts': `import 'node:fs'; // domain-imports-zod-only
    import { z } from 'zod'; export const rules = z;`,
  'lib/config/env.ts': `import '#lib/domain/rules.ts'; import '#lib/observability/log.ts'; // config-imports-domain-only`,
  'lib/observability/log.ts': `export const log = 1;`,
  'lib/models/catalog.ts': `import 'hono'; // models-and-lora-stand-alone
    export type Catalog = string;`,
  'lib/lora/train.ts': `import type { Catalog } from '#lib/models/catalog.ts'; export type T = Catalog; // feature-lora-keeps-to-itself`,
  'lib/retrieval/search.ts': `import { sql } from 'drizzle-orm'; export const search = sql; // sql-lives-in-db`,
  'lib/chat/turn.ts': `import { search } from '#lib/retrieval/search.ts'; export const turn = search;
    export const llama = await import('node-llama-cpp'); // one-owner-of-the-base-model`,
  'lib/evaluation/run.ts': `import { turn } from '../chat/turn.ts'; export const run = turn;`,
  'lib/ingestion/load.ts': `import '@langchain/textsplitters'; import 'onnxruntime-node'; // tensors-in-runtime-and-lora`,
  'lib/jobs/loop-a.ts': `import './loop-b.ts'; // no-cycle`,
  'lib/jobs/loop-b.ts': `import './loop-a.ts';`,
  'lib/auth/session.ts': `import 'next/headers'; // lib-not-to-app
    import 'vitest'; // production-needs-no-dev-dependency`,
  'lib/testing/fake.ts': `export const fake = 1;`,
  'lib/runtime/server/serve.ts': `import 'node-llama-cpp';`,
  'lib/runtime/client.test.ts': `import '#lib/testing/fake.ts'; import './contract-suite.ts';`,
  'lib/runtime/contract-suite.ts': `import 'vitest';`,
  'lib/registry/promote.ts': `import '@langchain/core/documents'; // langchain-at-its-border
    import '#scripts/start.ts'; // only-roots-import-scripts
    import '#lib/testing/fake.ts'; // testing-in-tests-only
    import '../runtime/client.test.ts'; // not-to-tests
    import './missing.ts'; // import-exists`,
  'db/repositories/chunks.ts': `import 'drizzle-orm'; import '#lib/domain/rules.ts'; import '#lib/auth/session.ts'; // db-to-domain-only`,
  'app/page.tsx': `import '#db/repositories/chunks.ts'; // app-not-to-database
    import '#lib/runtime/server/serve.ts'; // app-loads-no-model
    export default function Page() { return <p>typed {1 satisfies number}</p>; }`,
  'app/_server/deps.ts': `import '#db/repositories/chunks.ts';`,
  'scripts/start.ts': `import '#db/repositories/chunks.ts'; import '#lib/runtime/server/serve.ts';`,
};

const reportSchema = z.object({
  summary: z.object({
    violations: z.array(z.object({ from: z.string(), rule: z.object({ name: z.string() }) })),
  }),
});

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'lorehouse-imports-'));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.join(folder, path.dirname(name)), { recursive: true });
    await writeFile(path.join(folder, name), text);
  }
  for (const name of ['.dependency-cruiser.mjs', 'package.json']) {
    await copyFile(path.join(root, name), path.join(folder, name));
  }
  await symlink(path.join(root, 'node_modules'), path.join(folder, 'node_modules'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

it('every rule bites, and bites only what it is about', async () => {
  const { stdout } = await run(
    process.execPath,
    [
      path.join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs'),
      '--preserve-symlinks',
      '--output-type',
      'json',
      'app',
      'db',
      'lib',
      'scripts',
    ],
    { cwd: folder, maxBuffer: 64 * 1024 * 1024 },
  );
  const found = reportSchema
    .parse(JSON.parse(stdout))
    .summary.violations.map(({ from, rule }) => `${from}: ${rule.name}`);
  const wanted = Object.entries(files).flatMap(([name, text]) =>
    [...text.matchAll(/\/\/ ([a-z-]+)$/gmu)].map(([, rule]) => `${name}: ${rule}`),
  );
  expect([...new Set(found)].toSorted()).toEqual(wanted.toSorted());
});
