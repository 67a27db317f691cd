import { z } from 'zod';
import type { DatabaseExecutor } from '#db/executor.ts';
import { readActiveAnswerConfig } from '#db/repositories/answer-configs.ts';
import { createWorkspaceRepository } from '#db/repositories/workspaces.ts';
import type { Authorized } from '#lib/domain/access.ts';
import {
  answerKinds,
  citationSchema,
  type Provenance,
  provenanceSchema,
  sourceSchema,
  unsupportedSpanSchema,
} from '#lib/domain/chat.ts';
import { AppError, invalidInput } from '#lib/domain/errors.ts';
import { type AnswerDeps, type AnswerEvent, answerQuestion, type HistoryMessage } from './answer-question.ts';
import { formatEvent } from './encode-events.ts';

/**
 * The workspace's assistant behind OpenAI's chat-completions contract. Nothing is stored: the caller keeps the conversation.
 * What the contract has no place for (sources, citations, doubts, provenance) is in the extra field `lorehouse`.
 */

const textPart = z.object({ type: z.literal('text'), text: z.string() });

export const completionRequestSchema = z
  .object({
    model: z.string().describe('The slug of the workspace, as listed by /api/v1/models.'),
    messages: z
      .array(
        z.looseObject({
          role: z.enum(['system', 'developer', 'user', 'assistant']),
          content: z.union([z.string(), z.array(textPart)]),
        }),
      )
      .min(1)
      .max(200)
      .describe('The last one is the question. System messages are added to the instructions of the workspace.'),
    stream: z.boolean().nullish(),
    stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
    temperature: z.number().min(0).max(2).nullish(),
    seed: z.number().int().nullish(),
    max_tokens: z.number().int().min(1).max(4096).nullish(),
    max_completion_tokens: z.number().int().min(1).max(4096).nullish(),
    n: z.literal(1).nullish(),
  })
  .describe('Fields of OpenAI that are not listed are ignored.');
export type CompletionRequest = z.infer<typeof completionRequestSchema>;

export const groundingSchema = z.object({
  answerKind: z.enum(answerKinds),
  sources: z.array(sourceSchema),
  citations: z.array(citationSchema),
  unsupportedSpans: z.array(unsupportedSpanSchema),
  provenance: provenanceSchema,
});
type Grounding = z.infer<typeof groundingSchema>;

const usageSchema = z.object({
  prompt_tokens: z.number().int(),
  completion_tokens: z.number().int(),
  total_tokens: z.number().int(),
});

export const completionSchema = z.object({
  id: z.string(),
  object: z.literal('chat.completion'),
  created: z.number().int(),
  model: z.string(),
  choices: z.array(
    z.object({
      index: z.literal(0),
      message: z.object({ role: z.literal('assistant'), content: z.string(), refusal: z.null() }),
      finish_reason: z.enum(['stop', 'length']),
      logprobs: z.null(),
    }),
  ),
  usage: usageSchema,
  lorehouse: groundingSchema,
});
export type Completion = z.infer<typeof completionSchema>;

export interface CompletionDeps {
  readonly db: DatabaseExecutor;
  readonly answer: AnswerDeps;
  /** The model that serves the workspace: `base`, or an adapter's SHA-256. */
  readonly chooseModel: (access: Authorized<'chat.use'>) => Promise<string>;
}

/** A checked request, ready to be answered once. */
export interface PreparedCompletion {
  readonly id: string;
  readonly model: string;
  readonly createdSeconds: number;
  readonly wantsUsage: boolean;
  readonly events: (signal: AbortSignal) => AsyncGenerator<AnswerEvent, void, void>;
}

function readText(content: CompletionRequest['messages'][number]['content']): string {
  return (typeof content === 'string' ? content : content.map(({ text }) => text).join('\n')).trim();
}

function readUsage(provenance: Provenance) {
  const prompt = provenance.usage?.promptTokens ?? 0;
  const completion = provenance.usage?.completionTokens ?? 0;
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}

/**
 * @param id unique, without secrets; becomes `chatcmpl-…`
 * @throws AppError `assistant.not-found` when `model` is not the key's workspace, `input.invalid`
 */
export async function prepareCompletion(
  deps: CompletionDeps,
  access: Authorized<'chat.use'>,
  request: CompletionRequest,
  id: string,
): Promise<PreparedCompletion> {
  const workspace = await createWorkspaceRepository(deps.db).read(access);
  if (workspace === null || workspace.slug !== request.model) {
    throw new AppError({
      code: 'assistant.not-found',
      message: `no assistant ${JSON.stringify(request.model)} for this key; expected ${JSON.stringify(workspace?.slug ?? '')}`,
    });
  }
  const spoken = request.messages.flatMap(({ role, content }): HistoryMessage[] =>
    role === 'user' || role === 'assistant' ? [{ role, content: readText(content) }] : [],
  );
  const question = spoken.at(-1);
  if (question?.role !== 'user' || question.content === '')
    throw invalidInput('the last message must be a question of the user');
  const instructions = [
    workspace.instructions,
    ...request.messages
      .filter(({ role }) => role === 'system' || role === 'developer')
      .map(({ content }) => readText(content)),
  ]
    .filter((text) => text.trim() !== '')
    .join('\n\n');
  const stored = await readActiveAnswerConfig(deps.db, access);
  const model = await deps.chooseModel(access);
  const maxTokens = request.max_completion_tokens ?? request.max_tokens;
  const config = {
    ...stored.config,
    ...(request.temperature === null || request.temperature === undefined ? {} : { temperature: request.temperature }),
    ...(request.seed === null || request.seed === undefined ? {} : { seed: request.seed }),
    ...(maxTokens === null || maxTokens === undefined ? {} : { maxAnswerTokens: maxTokens }),
  };
  return {
    id: `chatcmpl-${id}`,
    model: workspace.slug,
    createdSeconds: Math.floor(Date.now() / 1000),
    wantsUsage: request.stream_options?.include_usage === true,
    events: (signal) =>
      answerQuestion(
        deps.answer,
        access,
        {
          question: question.content,
          history: spoken.slice(0, -1),
          model,
          config,
          answerConfigId: stored.id,
          instructions,
        },
        signal,
      ),
  };
}

/** Takes the events to their end. */
class GroundingCollector {
  #sources: Grounding['sources'] = [];
  #final: Extract<AnswerEvent, { type: 'answer-final' }> | null = null;
  #provenance: Provenance | null = null;

  take(event: AnswerEvent): void {
    if (event.type === 'source-list') this.#sources = event.sources;
    if (event.type === 'answer-final') this.#final = event;
    if (event.type === 'turn-finish') this.#provenance = event.provenance;
  }

  read(): { readonly text: string; readonly grounding: Grounding } {
    const final = this.#final;
    const provenance = this.#provenance;
    if (final === null || provenance === null) throw new Error('an answer ended without its final events');
    const { answerKind, citations, unsupportedSpans } = final;
    return {
      text: final.text,
      grounding: { answerKind, sources: this.#sources, citations, unsupportedSpans, provenance },
    };
  }
}

export async function completeOnce(prepared: PreparedCompletion, signal: AbortSignal): Promise<Completion> {
  const collector = new GroundingCollector();
  for await (const event of prepared.events(signal)) collector.take(event);
  const { text, grounding } = collector.read();
  return {
    id: prepared.id,
    object: 'chat.completion',
    created: prepared.createdSeconds,
    model: prepared.model,
    choices: [
      { index: 0, message: { role: 'assistant', content: text, refusal: null }, finish_reason: 'stop', logprobs: null },
    ],
    usage: readUsage(grounding.provenance),
    lorehouse: grounding,
  };
}

const toChoice = (delta: Readonly<Record<string, string>>, finishReason: 'stop' | null = null) => ({
  choices: [{ index: 0, delta, finish_reason: finishReason, logprobs: null }],
});

/**
 * Server-sent chunks as OpenAI's clients read them. The text streams as the model writes it; the last chunk carries the
 * grounding, with `lorehouse.text`, the checked text that offsets refer to (markers removed, a quotation perhaps added).
 * @param describeError what the caller may know of a failure in the middle of the stream
 */
export async function* streamCompletion(
  prepared: PreparedCompletion,
  signal: AbortSignal,
  describeError: (error: unknown) => { readonly code: string; readonly message: string },
): AsyncGenerator<string, void, void> {
  const chunk = (fields: Readonly<Record<string, unknown>>) =>
    formatEvent(null, {
      id: prepared.id,
      object: 'chat.completion.chunk',
      created: prepared.createdSeconds,
      model: prepared.model,
      ...fields,
    });
  const collector = new GroundingCollector();
  try {
    yield chunk(toChoice({ role: 'assistant', content: '' }));
    for await (const event of prepared.events(signal)) {
      collector.take(event);
      if (event.type === 'text-delta') yield chunk(toChoice({ content: event.text }));
    }
    const { text, grounding } = collector.read();
    yield chunk({ ...toChoice({}, 'stop'), lorehouse: { ...grounding, text } });
    if (prepared.wantsUsage) yield chunk({ choices: [], usage: readUsage(grounding.provenance) });
    yield formatEvent(null, '[DONE]');
  } catch (error) {
    const { code, message } = describeError(error);
    yield formatEvent(null, { error: { message, type: 'server_error', param: null, code } });
  }
}
