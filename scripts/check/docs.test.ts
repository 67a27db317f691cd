import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkDocs, compareSettings, readClaims, readTree } from './docs.ts';

describe('readClaims', () => {
  it('takes paths of the repository from backticks, and leaves routes, packages and placeholders alone', () => {
    const claims = readClaims(
      '`lib/chat/prompt.ts` `/api/health` `@langchain/core` `blobs/<sha256>` `db/seeds/` `lib/a.ts:12` `next/link`',
    );
    expect(claims.paths).toEqual(['lib/chat/prompt.ts', 'db/seeds/', 'lib/a.ts']);
  });

  it('takes names of source files, not every word with a dot', () => {
    expect(readClaims('`knip.json` `pg.Pool` `v1.2` `*.test.ts` `.db.test.ts` `.oxlintrc.json`').fileNames).toEqual([
      'knip.json',
      '.oxlintrc.json',
    ]);
  });

  it('takes links without a scheme, without their anchor', () => {
    expect(readClaims('[a](docs/a.md#top) [b](https://example.com/x.md) ![c](c.png "C") [d](#here)').links).toEqual([
      'docs/a.md',
      'c.png',
    ]);
  });

  it('takes npm scripts from fences and backticks, not npm commands or prose', () => {
    const text = 'The npm registry.\n\n```sh\nnpm ci && npm start\n```\n\nRun `npm test` or npm run check.';
    expect(readClaims(text).npmScripts.toSorted()).toEqual(['check', 'start', 'test']);
  });
});

describe('readTree', () => {
  it('joins the levels of a drawn tree', () => {
    const drawing =
      'root/\n├── app/           pages\n│   ├── api/      HTTP\n│   └── page.tsx\n└── lib/\n    └── chat/\n';
    expect(readTree(drawing)).toEqual(['app', 'app/api', 'app/page.tsx', 'lib', 'lib/chat']);
  });
});

describe('compareSettings', () => {
  const readme = '| Variable | Default |\n| --- | --- |\n| `PORT` | 3000 |\n| `OLD` | |\n';

  it('names what only one side has', () => {
    const source =
      'const envSchema = z.object({\n  PORT: z.number(),\n  NEW: z.string(),\n  NODE_ENV: z.string(),\n});';
    expect(compareSettings(readme, source)).toEqual([
      'README.md: the setting NEW is not in the table',
      'README.md: there is no setting OLD',
    ]);
  });
});

describe('checkDocs', () => {
  let root = '';

  beforeAll(async () => {
    root = await mkdtemp(path.join(os.tmpdir(), 'lorehouse-docs-'));
    await mkdir(path.join(root, 'docs'));
    await mkdir(path.join(root, 'lib'));
    await mkdir(path.join(root, 'lib', 'config'));
    await writeFile(path.join(root, 'lib', 'config', 'env.ts'), '');
    await writeFile(path.join(root, 'lib', 'real.ts'), '');
    await writeFile(path.join(root, 'package.json'), JSON.stringify({ scripts: { check: 'x' } }));
    await writeFile(
      path.join(root, 'docs', 'good.md'),
      '`lib/real.ts` `real.ts` `lib/*.ts` [up](../README.md) npm run check',
    );
    await writeFile(
      path.join(root, 'README.md'),
      '`lib/gone.ts` `gone.ts` `lib/*.css` [x](docs/gone.md) `npm run gone`\n\n```\n├── lib/\n│   └── lost.ts\n```\n',
    );
  });

  afterAll(() => rm(root, { recursive: true, force: true }));

  it('names each thing that does not exist, and nothing that does', async () => {
    expect((await checkDocs(root)).split('\n')).toEqual([
      'README.md: lib/*.css does not exist',
      'README.md: lib/gone.ts does not exist',
      'README.md: lib/lost.ts does not exist',
      'README.md: no file is called gone.ts',
      'README.md: package.json has no script "gone"',
      'README.md: the link to docs/gone.md leads nowhere',
    ]);
  });
});
