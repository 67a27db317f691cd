import { z } from 'zod';
import { completionRequestSchema, completionSchema } from '#lib/chat/openai-completions.ts';
import { documentPriorities } from '#lib/domain/document-priority.ts';
import { reportFormats } from '#lib/evaluation/export-report.ts';
import { evaluationRequestSchema } from '#lib/evaluation/run-settings.ts';
import type { AddedArchive, AddedDocument } from '#lib/ingestion/add-document.ts';
import { supportedFormats } from '#lib/ingestion/formats.ts';
import type { ArchiveView } from '#lib/ingestion/read-archives.ts';
import type { DocumentVersionView, DocumentView } from '#lib/ingestion/read-documents.ts';
import {
  adapterListSchema,
  evaluationSchema,
  importedSuiteSchema,
  promotionRequestSchema,
  promotionSchema,
  startedEvaluationSchema,
  suiteListSchema,
} from './schemas.ts';

/** The public API as an OpenAPI 3.1 document, made from the schemas that the routes parse with. */

const addedDocumentSchema = z.object({
  documentId: z.uuid(),
  versionId: z.uuid(),
  fileName: z.string().describe('The name that the document has here.'),
  runId: z.uuid().nullable().describe('The run that indexes it; null when these bytes were indexed before.'),
  outcome: z.enum(['created', 'new-version', 'unchanged']),
}) satisfies z.ZodType<AddedDocument>;

const addedArchiveSchema = z.object({
  outcome: z.literal('unpacking'),
  archiveId: z.uuid(),
  fileName: z.string(),
  runId: z.uuid().describe('The run that unpacks it.'),
}) satisfies z.ZodType<AddedArchive>;

const archiveSchema = z.object({
  id: z.uuid(),
  fileName: z.string(),
  sizeBytes: z.number().int(),
  state: z.enum(['queued', 'running', 'succeeded', 'failed', 'cancelled']),
  runId: z.uuid(),
  error: z.string().nullable(),
  taken: z.number().int().describe('Files that became documents or new versions.'),
  unchanged: z.number().int().describe('Files whose bytes were here before.'),
  rejectedCount: z.number().int(),
  rejected: z
    .array(z.object({ fileName: z.string(), code: z.string(), message: z.string() }))
    .describe(
      "The first files that were not taken in, each with its reason; the archive's own name if its end was not read.",
    ),
  createdAt: z.iso.datetime(),
}) satisfies z.ZodType<ArchiveView>;

const documentVersionSchema = z.object({
  id: z.uuid(),
  ordinal: z.number().int(),
  fileName: z.string(),
  runState: z.enum(['queued', 'running', 'succeeded', 'failed', 'cancelled']).nullable(),
  error: z.string().nullable(),
  mediaType: z.string(),
  sizeBytes: z.number().int(),
  pageCount: z.number().int().nullable(),
  imagePages: z
    .array(z.number().int())
    .describe('Pages that are pictures without text, as a scanner makes them: nothing on them is found.'),
  recognisedPages: z
    .array(z.number().int())
    .describe('Pages whose text was recognised from a picture (OCR): it may hold mistakes.'),
  leftOut: z
    .array(z.object({ name: z.string(), reason: z.string() }))
    .describe('Parts of the file that were not read, such as attachments of a mail.'),
  fetched: z
    .object({ url: z.url(), at: z.iso.datetime() })
    .nullable()
    .describe('Of a web page: where this version came from, and when.'),
  isCurrent: z.boolean(),
  createdAt: z.iso.datetime(),
}) satisfies z.ZodType<DocumentVersionView>;

const documentSchema = z.object({
  id: z.uuid(),
  title: z.string(),
  fileName: z.string(),
  sourceUrl: z.url().nullable().describe('Of a web page: the address that was entered.'),
  mediaType: z.string(),
  sizeBytes: z.number().int(),
  pageCount: z.number().int().nullable(),
  versionOrdinal: z.number().int(),
  latestVersionId: z.uuid(),
  currentVersionId: z.uuid().nullable().describe('The version that answers; null until the first one is indexed.'),
  state: z.enum(['queued', 'processing', 'ready', 'updating', 'failed', 'cancelled']),
  progress: z.object({ stage: z.string().nullable(), done: z.number(), total: z.number() }).nullable(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  runId: z.uuid().nullable(),
  tags: z.array(z.string()),
  priority: z.enum(documentPriorities),
  supersededBy: z
    .object({ id: z.uuid(), title: z.string() })
    .nullable()
    .describe('The document that answers in place of this one.'),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  versions: z.array(documentVersionSchema),
}) satisfies z.ZodType<DocumentView & { readonly versions: readonly DocumentVersionView[] }>;

const modelListSchema = z.object({
  object: z.literal('list'),
  data: z.array(
    z.object({
      id: z.string().describe('The slug of the workspace.'),
      object: z.literal('model'),
      created: z.number().int(),
      owned_by: z.string(),
    }),
  ),
});

const errorSchema = z.object({
  error: z.object({
    message: z.string(),
    type: z.string(),
    param: z.null(),
    code: z.string().describe('Stable: `noun.reason`.'),
  }),
});

function toJsonSchema(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _dialect, ...json } = z.toJSONSchema(schema, { io });
  return json;
}

/** A form with one file. */
const oneFile = {
  required: true,
  content: {
    'multipart/form-data': {
      schema: { type: 'object', required: ['file'], properties: { file: { type: 'string', format: 'binary' } } },
    },
  },
};
const jsonBody = (name: string) => ({
  content: { 'application/json': { schema: { $ref: `#/components/schemas/${name}` } } },
});

const idInPath = (name: string) => [
  { name, in: 'path', required: true, schema: { type: 'string', format: 'uuid' } } as const,
];

const failures = Object.fromEntries(
  [
    ['400', 'The request is malformed.'],
    ['401', 'No key, or one that is unknown, expired or revoked.'],
    ['403', 'The key lacks the permission, or its maker’s role does not grant it (any more).'],
    ['404', 'No such thing, or it belongs to another workspace.'],
    ['429', 'Too many requests; see Retry-After.'],
    ['503', 'A part of the product is not available; try again.'],
  ].map(([status, description]) => [status, { description, ...jsonBody('Error') }]),
);

/** @param publicUrl under which callers reach the product, without a slash at the end */
export function describePublicApi(publicUrl: string): object {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Lorehouse',
      version: '1',
      description:
        "Answers from a workspace's own documents, with citations. Chat follows OpenAI's contract; every call needs an API key of a workspace.",
    },
    servers: [{ url: `${publicUrl}/api/v1` }],
    security: [{ apiKey: [] }],
    paths: {
      '/chat/completions': {
        post: {
          operationId: 'createChatCompletion',
          summary: "Ask the workspace's assistant",
          description:
            'Permission `chat.use`. With `stream: true` the answer comes as server-sent chunks; the last chunk with a choice carries `lorehouse`, with the checked text in `lorehouse.text`.',
          requestBody: { required: true, ...jsonBody('ChatCompletionRequest') },
          responses: {
            '200': {
              description: 'The answer with sources, citations and what no source holds.',
              content: {
                'application/json': { schema: { $ref: '#/components/schemas/ChatCompletion' } },
                'text/event-stream': { schema: { type: 'string' } },
              },
            },
            ...failures,
          },
        },
      },
      '/models': {
        get: {
          operationId: 'listModels',
          summary: 'The assistant that the key reaches',
          description: 'Permission `chat.use`.',
          responses: { '200': { description: 'One assistant.', ...jsonBody('ModelList') }, ...failures },
        },
      },
      '/documents': {
        post: {
          operationId: 'addDocument',
          summary: 'Upload a document, or the next version of the one with the same file name',
          description: `Permission \`document.write\`. Poll the document until its \`state\` is \`ready\`. Supported are ${supportedFormats}.`,
          requestBody: oneFile,
          responses: {
            '200': { description: 'The workspace had these bytes already.', ...jsonBody('AddedDocument') },
            '201': {
              description: 'Taken in; being indexed.',
              ...jsonBody('AddedDocument'),
            },
            '202': { description: 'A ZIP archive, being unpacked.', ...jsonBody('AddedArchive') },
            ...failures,
            '413': { description: 'The file is too large.', ...jsonBody('Error') },
            '422': { description: 'The file is of no supported kind, or empty.', ...jsonBody('Error') },
          },
        },
      },
      '/documents/{documentId}': {
        get: {
          operationId: 'readDocument',
          summary: 'State and versions of a document',
          description: 'Permission `document.read`.',
          parameters: idInPath('documentId'),
          responses: { '200': { description: 'The document.', ...jsonBody('Document') }, ...failures },
        },
      },
      '/archives/{archiveId}': {
        get: {
          operationId: 'readArchive',
          summary: 'How far the unpacking of a ZIP archive is, and what became of its files',
          description: 'Permission `document.read`.',
          parameters: idInPath('archiveId'),
          responses: { '200': { description: 'The archive.', ...jsonBody('Archive') }, ...failures },
        },
      },
      '/adapters': {
        get: {
          operationId: 'listAdapters',
          summary: 'Adapters and their versions',
          description: 'Permission `adapter.read`.',
          responses: { '200': { description: 'All of the workspace.', ...jsonBody('AdapterList') }, ...failures },
        },
      },
      '/adapters/versions/{versionId}/promote': {
        post: {
          operationId: 'promoteAdapterVersion',
          summary: 'Let a version serve that the gate has passed',
          description:
            'Permission `adapter.promote`. Nothing goes around the gate: without a pass for these bytes against what serves now, on the current suites, settings and policy, it is refused with `gate.not-passed` and the reason in words. A policy of four eyes refuses every key with `gate.four-eyes`, because a key is no second person.',
          parameters: idInPath('versionId'),
          requestBody: { required: true, ...jsonBody('PromotionRequest') },
          responses: {
            '200': { description: 'It serves.', ...jsonBody('Promotion') },
            ...failures,
            '409': { description: 'The gate refuses it, or it serves already.', ...jsonBody('Error') },
          },
        },
      },
      '/suites': {
        get: {
          operationId: 'listSuites',
          summary: 'Evaluation suites at their current revisions',
          description: 'Permission `evaluation.read`.',
          responses: { '200': { description: 'By name.', ...jsonBody('SuiteList') }, ...failures },
        },
        post: {
          operationId: 'importSuite',
          summary: 'Import a suite from YAML or JSON lines',
          description:
            'Permission `evaluation.write`. A suite of the same name gets another revision, and promotions ask for an evaluation of that one.',
          parameters: [
            {
              name: 'name',
              in: 'query',
              schema: { type: 'string', maxLength: 120 },
              description: 'Default: the file’s.',
            },
          ],
          requestBody: oneFile,
          responses: {
            '200': { description: 'These were the current cases already.', ...jsonBody('ImportedSuite') },
            '201': { description: 'Another revision, or a new suite.', ...jsonBody('ImportedSuite') },
            ...failures,
            '413': { description: 'The file is too large.', ...jsonBody('Error') },
          },
        },
      },
      '/evaluations': {
        post: {
          operationId: 'startEvaluation',
          summary: 'Compare a version with what serves now',
          description: 'Permission `evaluation.run`. Poll the evaluation until its `state` is `succeeded`.',
          requestBody: { required: true, ...jsonBody('EvaluationRequest') },
          responses: { '201': { description: 'Queued.', ...jsonBody('StartedEvaluation') }, ...failures },
        },
      },
      '/evaluations/{evaluationId}': {
        get: {
          operationId: 'readEvaluation',
          summary: 'State, progress and verdict of an evaluation',
          description: 'Permission `evaluation.read`.',
          parameters: idInPath('evaluationId'),
          responses: { '200': { description: 'The evaluation.', ...jsonBody('Evaluation') }, ...failures },
        },
      },
      '/evaluations/{evaluationId}/cancel': {
        post: {
          operationId: 'cancelEvaluation',
          summary: 'Stop an evaluation; its answers are kept',
          description: 'Permission `evaluation.run`.',
          parameters: idInPath('evaluationId'),
          responses: { '204': { description: 'It stops.' }, ...failures },
        },
      },
      '/evaluations/{evaluationId}/report': {
        get: {
          operationId: 'readEvaluationReport',
          summary: 'Every answer of an evaluation, as a file',
          description: 'Permission `evaluation.read`.',
          parameters: [
            ...idInPath('evaluationId'),
            { name: 'format', in: 'query', schema: { type: 'string', enum: [...reportFormats], default: 'json' } },
          ],
          responses: {
            '200': {
              description: 'JSON with everything, CSV with a line a case, or JUnit XML.',
              content: {
                'application/json': { schema: { type: 'object' } },
                'text/csv': { schema: { type: 'string' } },
                'application/xml': { schema: { type: 'string' } },
              },
            },
            ...failures,
          },
        },
      },
    },
    components: {
      securitySchemes: { apiKey: { type: 'http', scheme: 'bearer' } },
      schemas: {
        ChatCompletionRequest: toJsonSchema(completionRequestSchema, 'input'),
        ChatCompletion: toJsonSchema(completionSchema, 'output'),
        ModelList: toJsonSchema(modelListSchema, 'output'),
        AddedDocument: toJsonSchema(addedDocumentSchema, 'output'),
        AddedArchive: toJsonSchema(addedArchiveSchema, 'output'),
        Archive: toJsonSchema(archiveSchema, 'output'),
        Document: toJsonSchema(documentSchema, 'output'),
        AdapterList: toJsonSchema(adapterListSchema, 'output'),
        PromotionRequest: toJsonSchema(promotionRequestSchema, 'input'),
        Promotion: toJsonSchema(promotionSchema, 'output'),
        SuiteList: toJsonSchema(suiteListSchema, 'output'),
        ImportedSuite: toJsonSchema(importedSuiteSchema, 'output'),
        EvaluationRequest: toJsonSchema(evaluationRequestSchema, 'input'),
        StartedEvaluation: toJsonSchema(startedEvaluationSchema, 'output'),
        Evaluation: toJsonSchema(evaluationSchema, 'output'),
        Error: toJsonSchema(errorSchema, 'output'),
      },
    },
  };
}
