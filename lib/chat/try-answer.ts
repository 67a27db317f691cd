import { z } from 'zod';
import type { DatabaseExecutor } from '#db/executor.ts';
import { findAdapterVersion } from '#db/repositories/adapters.ts';
import { readActiveAnswerConfig } from '#db/repositories/answer-configs.ts';
import { createWorkspaceRepository } from '#db/repositories/workspaces.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { requireFit } from '#lib/registry/serving-version.ts';
import { type AnswerDeps, answerQuestion } from './answer-question.ts';

/** The playground: one question to one model, as chat would answer it or without the documents. Nothing is stored. */
export const trySchema = z.object({
  question: z.string().trim().min(1).max(4000),
  /** Null: the base alone. */
  versionId: z.uuid().nullable(),
  usesRetrieval: z.boolean(),
});
export type TryRequest = z.infer<typeof trySchema>;

export type TryEvent =
  | { readonly type: 'text-delta'; readonly text: string }
  /** Replaces the text so far: citations are checked, what no source bears out is left out. */
  | { readonly type: 'answer-final'; readonly text: string; readonly answerKind: string }
  | {
      readonly type: 'try-finish';
      readonly baseSha256: string | null;
      readonly adapterSha256: string | null;
      readonly firstTextMs: number | null;
      readonly totalMs: number;
      readonly completionTokens: number;
    };

/** Without documents the model answers from what it has learned: short, as everywhere. */
const FREE_ANSWER_TOKENS = 256;

/**
 * @param access.chat of the same person in the same workspace
 * @throws AppError `adapter.not-found`, `adapter.base-mismatch`, `adapter.template-mismatch`, and as {@link answerQuestion}
 */
export async function prepareTry(
  deps: { readonly db: DatabaseExecutor; readonly answer: AnswerDeps },
  access: { readonly adapters: Authorized<'adapter.read'>; readonly chat: Authorized<'chat.use'> },
  request: TryRequest,
): Promise<(signal: AbortSignal) => AsyncGenerator<TryEvent, void, void>> {
  const version =
    request.versionId === null ? null : await findAdapterVersion(deps.db, access.adapters, request.versionId);
  if (version !== null) requireFit(version, await deps.answer.runtime.readStatus());
  const model = version?.sha256 ?? 'base';
  const [workspace, stored] = await Promise.all([
    createWorkspaceRepository(deps.db).read(access.chat),
    readActiveAnswerConfig(deps.db, access.chat),
  ]);
  const instructions = workspace?.instructions ?? '';
  const question = request.question.replaceAll('\u0000', '');

  async function* answerFreely(signal: AbortSignal): AsyncGenerator<TryEvent, void, void> {
    const startedAt = performance.now();
    let firstTextMs: number | null = null;
    const messages = [
      ...(instructions.trim() === '' ? [] : [{ role: 'system' as const, content: instructions }]),
      { role: 'user' as const, content: question },
    ];
    const { temperature, seed, repetitionPenalty } = stored.config;
    const chatRequest = { model, messages, temperature, seed, repetitionPenalty, maxTokens: FREE_ANSWER_TOKENS };
    for await (const chunk of deps.answer.runtime.streamChat(chatRequest, { signal })) {
      if (chunk.type === 'text-delta') {
        firstTextMs ??= performance.now() - startedAt;
        yield chunk;
        continue;
      }
      yield {
        type: 'try-finish',
        baseSha256: chunk.baseSha256,
        adapterSha256: chunk.adapterSha256 ?? (model === 'base' ? null : model),
        firstTextMs,
        totalMs: performance.now() - startedAt,
        completionTokens: chunk.usage.completionTokens,
      };
    }
  }

  async function* answerFromSources(signal: AbortSignal): AsyncGenerator<TryEvent, void, void> {
    const input = { question, history: [], model, config: stored.config, answerConfigId: stored.id, instructions };
    for await (const event of answerQuestion(deps.answer, access.chat, input, signal)) {
      if (event.type === 'text-delta') yield event;
      if (event.type === 'answer-final') yield { type: event.type, text: event.text, answerKind: event.answerKind };
      if (event.type === 'turn-finish') {
        const { provenance } = event;
        yield {
          type: 'try-finish',
          baseSha256: provenance.baseSha256,
          adapterSha256: provenance.adapterSha256,
          firstTextMs: provenance.timingsMs.firstText,
          totalMs: provenance.timingsMs.total,
          completionTokens: provenance.usage?.completionTokens ?? 0,
        };
      }
    }
  }

  return request.usesRetrieval ? answerFromSources : answerFreely;
}
