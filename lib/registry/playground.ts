import { z } from 'zod';
import type { DatabaseExecutor } from '#db/executor.ts';
import { findAdapterVersion } from '#db/repositories/adapters.ts';
import { insertPlaygroundVote, listPlaygroundVotes } from '#db/repositories/playground.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { invalidInput } from '#lib/domain/errors.ts';
import { describeVersion } from './read-adapters.ts';

const MAX_ANSWER_CHARACTERS = 20_000;
/** Columns side by side that a person can compare. */
export const MAX_COMPARED = 6;

export const voteSchema = z.object({
  question: z.string().min(1).max(4000),
  usedRetrieval: z.boolean(),
  /** In the order shown. */
  answers: z
    .array(
      z.object({
        /** Null: the base alone. */
        versionId: z.uuid().nullable(),
        text: z.string().max(MAX_ANSWER_CHARACTERS),
      }),
    )
    .min(2)
    .max(MAX_COMPARED),
  /** Index into `answers`; null: none was better. */
  preferred: z.number().int().min(0).nullable(),
});
export type Vote = z.infer<typeof voteSchema>;

const storedAnswerSchema = z.object({
  versionId: z.uuid().nullable(),
  sha256: z.string().nullable(),
  label: z.string(),
  text: z.string(),
});

/** Keep which answer someone preferred, with what was compared. @throws AppError `adapter.not-found`, `input.invalid` */
export async function recordVote(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'adapter.read'>,
  vote: Vote,
): Promise<void> {
  if (vote.preferred !== null && vote.preferred >= vote.answers.length) {
    throw invalidInput(`answer ${vote.preferred} of ${vote.answers.length} is preferred; they count from 0`);
  }
  const answers = [];
  for (const { versionId, text } of vote.answers) {
    const version = versionId === null ? null : await findAdapterVersion(deps.db, access, versionId);
    answers.push({
      versionId,
      sha256: version?.sha256 ?? null,
      label: version === null ? 'Base' : describeVersion(version),
      // PostgreSQL stores no NUL.
      text: text.replaceAll('\u0000', ''),
    });
  }
  await insertPlaygroundVote(deps.db, access, {
    question: vote.question.replaceAll('\u0000', ''),
    usedRetrieval: vote.usedRetrieval,
    answers,
    preferred: vote.preferred,
    createdBy: access.actor.kind === 'user' ? access.actor.userId : null,
  });
}

export interface VoteTally {
  readonly label: string;
  /** Votes in which it was among the answers. */
  readonly compared: number;
  readonly preferred: number;
}

/** Votes older than these are history. */
const TALLIED_VOTES = 1000;

/** How often each version was preferred, most often first; the base too. */
export async function tallyVotes(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'adapter.read'>,
): Promise<VoteTally[]> {
  const tallies = new Map<string, { label: string; compared: number; preferred: number }>();
  for (const vote of await listPlaygroundVotes(deps.db, access, TALLIED_VOTES)) {
    for (const [index, answer] of z.array(storedAnswerSchema).parse(vote.answers).entries()) {
      const key = answer.sha256 ?? 'base';
      const tally = tallies.get(key) ?? { label: answer.label, compared: 0, preferred: 0 };
      tallies.set(key, tally);
      tally.compared += 1;
      if (vote.preferred === index) tally.preferred += 1;
    }
  }
  return [...tallies.values()].toSorted((a, b) => b.preferred - a.preferred || b.compared - a.compared);
}
