import type { Document } from '@langchain/core/documents';
import type { BaseChatModel } from '@langchain/core/language_models/chat_models';
import { AIMessage, type BaseMessage, HumanMessage, SystemMessage } from '@langchain/core/messages';
import { StringOutputParser } from '@langchain/core/output_parsers';
import type { BaseRetriever } from '@langchain/core/retrievers';
import {
  type Runnable,
  RunnableBranch,
  type RunnableConfig,
  RunnableLambda,
  RunnableSequence,
} from '@langchain/core/runnables';
import { createMiddleware } from 'langchain';
import { checkAnswer, describeRefusal } from '#lib/chat/answer-question.ts';
import { extractAnswer } from '#lib/chat/extract-answer.ts';
import { packPassages } from '#lib/chat/pack-passages.ts';
import { findPromptTemplate, type Prompt } from '#lib/chat/prompt.ts';
import { rewriteFollowUp } from '#lib/chat/rewrite-follow-up.ts';
import { repeatsQuestion, trimAnswer } from '#lib/chat/trim-answer.ts';
import type { AnswerConfig } from '#lib/domain/answer-config.ts';
import type { AnswerKind, Citation, Source, UnsupportedSpan } from '#lib/domain/chat.ts';
import type { ChatMessage } from '#lib/runtime/runtime-port.ts';
import { PassageRetriever, type RetrievedMetadata } from './retriever.ts';

/**
 * The product's grounded answering for LangChain programs: the same rewriting, prompt, refusal and checks as `answerQuestion`,
 * over any retriever that yields our documents and any chat model. As a Runnable, and as middleware of `createAgent`.
 */

export interface GroundingFields {
  readonly retriever: BaseRetriever<RetrievedMetadata>;
  readonly config: Pick<
    AnswerConfig,
    'promptVersion' | 'promptPassages' | 'sourceTokenBudget' | 'supportThreshold' | 'quoteSupport'
  >;
  /** The workspace's own instructions. Default: none. */
  readonly instructions?: string;
  /** Tokens of each text, for the prompt's budget. Default: estimated from its length. */
  readonly countTokens?: (texts: readonly string[]) => Promise<readonly number[]>;
}

export interface ChatPipelineFields extends GroundingFields {
  readonly model: BaseChatModel;
}

export interface ChatPipelineInput {
  readonly question: string;
  /** Questions asked before, oldest first; completes a follow-up. */
  readonly previousQuestions?: readonly string[];
}

export interface GroundedAnswer {
  readonly text: string;
  readonly answerKind: AnswerKind;
  readonly sources: readonly Source[];
  readonly citations: readonly Citation[];
  readonly unsupportedSpans: readonly UnsupportedSpan[];
}

interface Retrieved {
  readonly question: string;
  readonly searchQuery: string;
  readonly sources: readonly Source[];
  readonly supportScore: number;
}

/** English prose: about four characters a token; rounded down to keep a reserve. */
const CHARACTERS_PER_TOKEN = 3.2;

const estimateTokens = (texts: readonly string[]) =>
  Promise.resolve(texts.map((text) => Math.ceil(text.length / CHARACTERS_PER_TOKEN)));

function readRetrieved(
  question: string,
  searchQuery: string,
  documents: readonly Document<RetrievedMetadata>[],
): Retrieved {
  const sources = documents.map(({ pageContent, metadata: { supportScore: _score, ...metadata } }, index): Source => {
    return { ...metadata, number: index + 1, text: pageContent };
  });
  return { question, searchQuery, sources, supportScore: documents[0]?.metadata.supportScore ?? 0 };
}

async function retrieve(fields: GroundingFields, input: ChatPipelineInput, signal?: AbortSignal): Promise<Retrieved> {
  const { promptQuestion, searchQuery, scopeQuestions } = rewriteFollowUp(
    input.question,
    input.previousQuestions ?? [],
  );
  // A retriever of someone else's takes a query and nothing else.
  const retriever =
    fields.retriever instanceof PassageRetriever ? fields.retriever.forConversation(scopeQuestions) : fields.retriever;
  const documents = await retriever.invoke(searchQuery, signal === undefined ? {} : { signal });
  return readRetrieved(promptQuestion, searchQuery, documents);
}

async function buildPrompt(fields: GroundingFields, retrieved: Retrieved): Promise<Prompt> {
  const { config, instructions = '', countTokens = estimateTokens } = fields;
  const passages = await packPassages(
    retrieved.question,
    retrieved.sources,
    { budgetTokens: config.sourceTokenBudget, limit: config.promptPassages },
    countTokens,
  );
  return findPromptTemplate(config.promptVersion).build({ question: retrieved.question, passages, instructions });
}

function toLangChain({ role, content }: ChatMessage): BaseMessage {
  if (role === 'system') return new SystemMessage(content);
  return role === 'user' ? new HumanMessage(content) : new AIMessage(content);
}

const isSupported = (fields: GroundingFields, { sources, supportScore }: Retrieved) =>
  sources.length > 0 && supportScore >= fields.config.supportThreshold;

function refuse({ searchQuery, sources }: Retrieved): GroundedAnswer {
  return {
    text: describeRefusal(searchQuery, sources),
    answerKind: 'refusal',
    sources,
    citations: [],
    unsupportedSpans: [],
  };
}

function ground(
  fields: GroundingFields,
  { question, sources }: Retrieved,
  rawText: string,
  { maxSentences }: Prompt,
): GroundedAnswer {
  const text = trimAnswer(rawText, { isCut: false, ...(maxSentences === undefined ? {} : { maxSentences }) });
  if (text === '' || repeatsQuestion(text, question)) {
    return { ...extractAnswer(question, sources), unsupportedSpans: [], answerKind: 'extractive', sources };
  }
  return { ...checkAnswer(text, sources, question, fields.config.quoteSupport), answerKind: 'generated', sources };
}

/**
 * Question in, grounded answer out: complete the follow-up → retrieve → refuse or (prompt → model → text → check). Every step
 * is a Runnable of its own, so callbacks and tracers of LangChain see each of them.
 */
export function createChatPipeline(fields: ChatPipelineFields): Runnable<ChatPipelineInput, GroundedAnswer> {
  const retrieveSources = RunnableLambda.from((input: ChatPipelineInput, options?: { signal?: AbortSignal }) =>
    retrieve(fields, input, options?.signal),
  ).withConfig({ runName: 'retrieve' });

  const prompt = RunnableLambda.from((retrieved: Retrieved) => buildPrompt(fields, retrieved)).withConfig({
    runName: 'prompt',
  });
  const toText = new StringOutputParser();
  const answer = RunnableLambda.from(async (retrieved: Retrieved, options?: RunnableConfig) => {
    const built = await prompt.invoke(retrieved, options);
    const messages = built.messages.map(toLangChain);
    const message = await fields.model.invoke(messages, { ...options, stop: [...built.stop] });
    const rawText = await toText.invoke(message, options);
    return ground(fields, retrieved, rawText, built);
  }).withConfig({ runName: 'answer' });

  return RunnableSequence.from<ChatPipelineInput, GroundedAnswer>([
    retrieveSources,
    RunnableBranch.from<Retrieved, GroundedAnswer>([
      [(retrieved: Retrieved) => !isSupported(fields, retrieved), RunnableLambda.from(refuse)],
      answer,
    ]),
  ]);
}

/**
 * The same as middleware of LangChain's `createAgent`: every call of the agent's model is grounded in the retriever's
 * passages, or answered with a refusal without calling the model. What was found and checked is in the answer's
 * `response_metadata.lorehouse`, of type {@link GroundedAnswer}. Works with models that cannot call tools.
 */
export function createGroundingMiddleware(fields: GroundingFields) {
  return createMiddleware({
    name: 'LorehouseGrounding',
    async wrapModelCall(request, handler) {
      const questions = request.messages.filter((message) => message.type === 'human').map((message) => message.text);
      const question = questions.at(-1) ?? '';
      const retrieved = await retrieve(fields, { question, previousQuestions: questions.slice(0, -1) });
      if (!isSupported(fields, retrieved)) return toAnswerMessage(refuse(retrieved));
      const prompt = await buildPrompt(fields, retrieved);
      const response = await handler({
        ...request,
        messages: prompt.messages.map(toLangChain),
        modelSettings: { ...request.modelSettings, stop: [...prompt.stop] },
      });
      return toAnswerMessage(ground(fields, retrieved, response.text, prompt), response);
    },
  });
}

function toAnswerMessage(answer: GroundedAnswer, response?: AIMessage): AIMessage {
  return new AIMessage({
    content: answer.text,
    ...(response?.id === undefined ? {} : { id: response.id }),
    response_metadata: { ...response?.response_metadata, lorehouse: answer },
  });
}
