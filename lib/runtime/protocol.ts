/**
 * The HTTP API between the product and an inference server: OpenAI's shapes, vLLM's additions (`/tokenize`, adapters,
 * `echo` scoring), and few fields of our own, which a foreign server ignores or leaves out.
 */
import { z } from 'zod';

/** Header that carries `RuntimePriority`. A header, because a foreign server may refuse an unknown scheduling field. */
export const PRIORITY_HEADER = 'x-lorehouse-priority';
export const prioritySchema = z.enum(['chat', 'evaluation', 'ingestion']);

const messageSchema = z.object({
  role: z.enum(['system', 'user', 'assistant']),
  content: z.string(),
});

const samplingFields = {
  model: z.string().min(1),
  temperature: z.number().min(0).max(2).default(0),
  top_p: z.number().gt(0).max(1).default(1),
  seed: z.number().int().nonnegative().optional(),
  stop: z
    .union([z.string().min(1), z.array(z.string().min(1)).max(16)])
    .nullish()
    .transform((stop) => (stop === null || stop === undefined ? [] : typeof stop === 'string' ? [stop] : stop)),
  stream: z.boolean().default(false),
  stream_options: z.object({ include_usage: z.boolean().optional() }).nullish(),
  /** 1 switches repetition control off. vLLM's name and meaning. */
  repetition_penalty: z.number().positive().max(2).default(1),
} as const;

export const chatCompletionBodySchema = z.object({
  ...samplingFields,
  messages: z.array(messageSchema).min(1),
  max_tokens: z.number().int().min(1).optional(),
  max_completion_tokens: z.number().int().min(1).optional(),
  response_format: z
    .discriminatedUnion('type', [
      z.object({ type: z.literal('text') }),
      z.object({
        type: z.literal('json_schema'),
        json_schema: z.object({ name: z.string().optional(), schema: z.record(z.string(), z.unknown()) }),
      }),
    ])
    .optional(),
  n: z.literal(1).optional(),
});
export type ChatCompletionBody = z.output<typeof chatCompletionBodySchema>;

export const completionBodySchema = z.object({
  ...samplingFields,
  prompt: z.union([z.string().min(1), z.array(z.number().int().nonnegative()).min(1)]),
  max_tokens: z.number().int().min(0).default(16),
  /** With `logprobs`: return the log-probabilities of the prompt itself. */
  echo: z.boolean().default(false),
  logprobs: z.number().int().min(0).max(5).nullish(),
  /** Ours: first prompt position whose log-probability is wanted; positions before it come back as null. */
  logprobs_from: z.number().int().nonnegative().default(0),
  n: z.literal(1).optional(),
});
export type CompletionBody = z.output<typeof completionBodySchema>;

export const embeddingBodySchema = z.object({
  model: z.string().min(1),
  input: z
    .union([z.string(), z.array(z.string()).max(4096)])
    .transform((input) => (typeof input === 'string' ? [input] : input)),
  encoding_format: z.enum(['float', 'base64']).default('float'),
  /** Ours: some models want a prefix that differs between questions and passages. */
  input_type: z.enum(['query', 'passage']).default('passage'),
});
export type EmbeddingBody = z.output<typeof embeddingBodySchema>;

export const tokenizeBodySchema = z.union([
  z.object({
    model: z.string().min(1).default('base'),
    messages: z.array(messageSchema).min(1),
    add_generation_prompt: z.boolean().default(true),
  }),
  z.object({
    model: z.string().min(1).default('base'),
    /** A list is ours: vLLM takes one string. */
    prompt: z.union([z.string(), z.array(z.string()).max(4096)]),
    add_special_tokens: z.boolean().default(true),
    /** Ours: the text follows other text, so the tokenizer adds no leading space. */
    continues: z.boolean().default(false),
  }),
]);
export type TokenizeBody = z.output<typeof tokenizeBodySchema>;

export const loadAdapterBodySchema = z.object({
  /** The adapter's SHA-256; it is also the `model` of later requests. */
  lora_name: z.string().regex(/^[0-9a-f]{64}$/, 'expected the SHA-256 of the adapter file in lower-case hex'),
  /** Absolute path of `<sha256>.gguf`. */
  lora_path: z.string().min(1),
});
export const unloadAdapterBodySchema = z.object({ lora_name: loadAdapterBodySchema.shape.lora_name });

// ── What comes back. The client parses with these; unknown fields of foreign servers are dropped. ──

export const errorBodySchema = z.object({
  error: z.object({
    message: z.string(),
    type: z.string().nullish(),
    code: z.union([z.string(), z.number()]).nullish(),
    is_retryable: z.boolean().nullish(),
    user_message: z.string().nullish(),
    details: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.string())]))
      .nullish(),
  }),
});

export const usageSchema = z.object({
  prompt_tokens: z.number(),
  completion_tokens: z.number().nullish(),
  prompt_tokens_details: z.object({ cached_tokens: z.number().nullish() }).nullish(),
});

/** Our extra field of a finished completion. */
export const provenanceSchema = z.object({
  timings: z.object({ queue_ms: z.number(), prefill_ms: z.number(), decode_ms: z.number() }),
  base_sha256: z.string().nullable(),
  adapter_sha256: z.string().nullable(),
});

export const chatChunkSchema = z.object({
  choices: z.array(
    z.object({
      delta: z.object({ content: z.string().nullish() }),
      finish_reason: z.string().nullish(),
    }),
  ),
  usage: usageSchema.nullish(),
  lorehouse: provenanceSchema.nullish(),
});

export const scoredCompletionSchema = z.object({
  choices: z.array(z.object({ logprobs: z.object({ token_logprobs: z.array(z.number().nullable()) }) })).min(1),
});

export const embeddingResponseSchema = z.object({
  data: z.array(z.object({ index: z.number(), embedding: z.union([z.string(), z.array(z.number())]) })),
});

export const tokenizeResponseSchema = z.object({
  count: z.number(),
  tokens: z.array(z.number()),
  /** Ours, for a list of prompts. */
  counts: z.array(z.number()).nullish(),
});

export const modelListSchema = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      parent: z.string().nullish(),
      max_model_len: z.number().nullish(),
      lorehouse: z.object({ kind: z.enum(['base', 'adapter', 'embedding']), sha256: z.string().nullable() }).nullish(),
    }),
  ),
});

export const statusSchema = z.object({
  state: z.enum(['loading', 'ready', 'degraded']),
  baseModel: z
    .object({
      id: z.string(),
      sha256: z.string().nullable(),
      contextTokens: z.number(),
      templateSha256: z.string().nullable(),
    })
    .nullable(),
  embeddingModel: z
    .object({ id: z.string(), sha256: z.string().nullable(), dimensions: z.number(), maxTokens: z.number() })
    .nullable(),
  gpu: z.union([z.string(), z.literal(false)]),
  threads: z.number(),
  queue: z.object({ active: z.number(), waiting: z.number(), limit: z.number() }),
  pool: z
    .object({ contexts: z.number(), adapters: z.number(), usedBytes: z.number(), budgetBytes: z.number() })
    .optional(),
  problems: z.array(z.string()),
});
