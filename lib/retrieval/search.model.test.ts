import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { extractBytes } from '#lib/ingestion/extract/extract-bytes.ts';
import { openWorkbench, type Workbench, type WorkbenchWorkspace } from '#scripts/eval/open-workbench.ts';
import { search } from './search.ts';

const DEMO_DIR = path.join(import.meta.dirname, '../../db/seeds/demo');

const questionsSchema = z.object({
  questions: z.array(
    z.object({ question: z.string(), answerable: z.boolean(), expected: z.array(z.string()).optional() }),
  ),
});

const readDemoFile = (name: string) => new Uint8Array(readFileSync(path.join(DEMO_DIR, name)));
const squash = (text: string) => text.replaceAll(/\s+/g, ' ').toLowerCase();

describe('search with the default embedding model', () => {
  let workbench: Workbench;
  let workspace: WorkbenchWorkspace;
  beforeAll(async () => {
    workbench = await openWorkbench();
    workspace = await workbench.addWorkspace('demo');
    await workbench.addPages(
      workspace,
      { fileName: 'tarnwick-k40-manual.pdf', title: 'tarnwick-k40-manual', mediaType: 'application/pdf' },
      await extractBytes(readDemoFile('tarnwick-k40-manual.pdf'), 'application/pdf'),
    );
    const policy = 'tarnwick-support-and-returns-policy';
    await workbench.addPages(
      workspace,
      { fileName: `${policy}.md`, title: policy, mediaType: 'text/markdown' },
      await extractBytes(readDemoFile(`${policy}.md`), 'text/markdown'),
    );
  });
  afterAll(() => workbench.close());

  it('asks no index with the vectors of another model', async () => {
    const status = await workbench.runtime.readStatus();
    const embeddingModel = { id: '/models/own.gguf', sha256: 'f'.repeat(64), dimensions: 384, maxTokens: 512 };
    const runtime = { ...workbench.runtime, readStatus: () => Promise.resolve({ ...status, embeddingModel }) };
    const searching = search({ db: workbench.db, runtime }, workspace.read, {
      query: 'What does error code E14 mean?',
      config: { candidatesPerLeg: 30, topK: 4 },
    });
    await expect(searching).rejects.toMatchObject({
      code: 'index.model-changed',
      message: expect.stringContaining('/models/own.gguf'),
    });
  });

  it('finds the answers of the demo manual', async () => {
    const { questions } = questionsSchema.parse(
      JSON.parse(readFileSync(path.join(DEMO_DIR, 'questions.json'), 'utf8')),
    );
    const answerable = questions.filter((question) => question.answerable);
    const ranks: number[] = [];
    for (const { question, expected = [] } of answerable) {
      const { sources } = await search({ db: workbench.db, runtime: workbench.runtime }, workspace.read, {
        query: question,
        config: { candidatesPerLeg: 30, topK: 4 },
      });
      ranks.push(sources.findIndex(({ text }) => expected.some((answer) => squash(text).includes(squash(answer)))) + 1);
    }
    const share = (limit: number) => ranks.filter((rank) => rank > 0 && rank <= limit).length / answerable.length;
    expect(share(1)).toBeGreaterThanOrEqual(0.8);
    expect(share(4)).toBeGreaterThanOrEqual(0.95);
  });
});
