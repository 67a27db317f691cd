import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { DatabaseExecutor } from '#db/executor.ts';
import { ensureGoldenQuestion } from '#db/repositories/golden-questions.ts';
import { createPeopleStore, type PeopleStore } from '#db/repositories/people.ts';
import { authorize } from '#lib/auth/authorize.ts';
import type { Actor } from '#lib/domain/actor.ts';
import { type LooseSuite, readShippedSuites, takeInSuites } from '#lib/evaluation/shipped-suites.ts';
import { testCaseSchema } from '#lib/evaluation/test-case.ts';
import { addDocument } from '#lib/ingestion/add-document.ts';
import type { BlobStore } from '#lib/ingestion/blob-store.ts';
import type { JobQueue } from '#lib/jobs/job-queue.ts';
import { recordAudit } from '#lib/observability/audit.ts';
import { shippedSuitesDir } from '../suites/shipped-suites-dir.ts';

export const demoDir = path.join(import.meta.dirname, '../../db/seeds/demo');

/** The Markdown twin of the manual stays out: the same passages twice would crowd out the rest. */
const DEMO_FILES = [
  { file: 'tarnwick-k40-manual.pdf', fileName: 'Tarnwick K40 manual.pdf' },
  { file: 'tarnwick-support-and-returns-policy.md', fileName: 'Tarnwick support and returns policy.md' },
] as const;

const DEMO_WORKSPACE = { slug: 'demo', name: 'Tarnwick K40 demo' } as const;

/** Written when every file is in; its absence means that an earlier seeding was cut off. */
const SEEDED = 'workspace.seed';

export interface SeedDeps {
  readonly db: DatabaseExecutor;
  readonly blobs: BlobStore;
  readonly queue: JobQueue;
}

const questionsSchema = z.object({
  suggested: z.array(z.string()).min(1),
  questions: z.array(
    z.object({
      id: z.string(),
      question: z.string(),
      answerable: z.boolean(),
      expected: z.array(z.string()).default([]),
      document: z.string().optional(),
      page: z.number().nullish(),
    }),
  ),
});

const DEMO_SUITE = {
  name: 'Tarnwick K40',
  description: 'Questions about the demo manual and policy, among them some that neither answers.',
} as const;

/** The golden questions as cases over the workspace's own documents. */
function makeDemoSuite({ questions }: z.infer<typeof questionsSchema>): LooseSuite {
  const cases = questions.map(({ id, question, answerable, expected, document, page }) =>
    testCaseSchema.parse({
      key: id,
      question,
      area: answerable ? 'grounding' : 'refusal',
      assertions: answerable
        ? [
            { type: 'contains-any', values: expected },
            {
              type: 'cites-document',
              title: document?.includes('policy') === true ? 'policy' : 'manual',
              ...(page === null || page === undefined ? {} : { page }),
            },
          ]
        : [{ type: 'refuses' }],
    }),
  );
  return { ...DEMO_SUITE, cases };
}

async function createDemoWorkspace(people: PeopleStore, suggestedQuestions: readonly string[]): Promise<string> {
  // Somebody may have a workspace of that address already, made from the command line before the first start.
  const isTaken = (await people.workspaces.findIdBySlug(DEMO_WORKSPACE.slug)) !== null;
  const slug = isTaken ? `${DEMO_WORKSPACE.slug}-${randomBytes(3).toString('hex')}` : DEMO_WORKSPACE.slug;
  const workspace = await people.workspaces.create({ ...DEMO_WORKSPACE, slug, isDemo: true, suggestedQuestions });
  return workspace.id;
}

/**
 * A workspace whose first question works right after the first start: made once, and left alone from then on, whatever people
 * do with its documents. May be cut off and run again at any point.
 * @returns how many documents were handed to the worker
 */
export async function seedDemo(deps: SeedDeps): Promise<{ readonly workspaceId: string; readonly added: number }> {
  const people = createPeopleStore(deps.db);
  const actor: Actor = { kind: 'system', reason: 'demo' };
  const questions = questionsSchema.parse(JSON.parse(await readFile(path.join(demoDir, 'questions.json'), 'utf8')));
  const workspaceId =
    (await people.workspaces.findDemoId()) ?? (await createDemoWorkspace(people, questions.suggested));
  if (await people.audit.hasEvent(await authorize(people, actor, workspaceId, 'audit.read'), SEEDED)) {
    return { workspaceId, added: 0 };
  }
  // Whoever set up the installation before the demo existed owns it as well.
  for (const person of await people.users.list()) {
    if (person.isInstanceOwner) await people.memberships.add({ workspaceId, userId: person.id, role: 'owner' });
  }
  const authorized = await authorize(people, actor, workspaceId, 'document.write');
  let added = 0;
  for (const { file, fileName } of DEMO_FILES) {
    const { outcome } = await addDocument(deps, authorized, {
      fileName,
      stream: createReadStream(path.join(demoDir, file)),
    });
    if (outcome !== 'unchanged') added += 1;
  }
  // For the refusal curve; which passages they should find is left to people to mark.
  const evaluate = await authorize(people, actor, workspaceId, 'evaluation.write');
  for (const { question, answerable } of questions.questions) {
    const kind = answerable ? 'answerable' : 'unanswerable';
    await ensureGoldenQuestion(deps.db, evaluate, { question, kind, createdBy: null });
  }
  const suites = [...(await readShippedSuites(shippedSuitesDir)), makeDemoSuite(questions)];
  await takeInSuites(deps, evaluate, suites);
  await recordAudit(people, actor, { workspaceId, action: SEEDED, targetId: workspaceId, details: { added } });
  return { workspaceId, added };
}
