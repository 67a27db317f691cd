import type { GgufMetadataInput } from '../gguf/write-gguf.ts';

/** Token types of llama.cpp (`enum llama_token_type`). */
const NORMAL = 1;
const UNKNOWN = 2;
const CONTROL = 3;
const BYTE = 6;
/** How SentencePiece writes a space. */
const SPACE = '\u2581';
const BYTES = 256;
const FIRST_PRINTABLE = 0x21;
const LAST_PRINTABLE = 0x7e;

const template =
  "{% for message in messages %}{{ message['role'][0] + ':' + message['content'] + eos_token }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ 'a:' }}{% endif %}";

/**
 * A tokenizer of single characters with a chat template, as metadata for `writeTinyBase`: a tiny base that the real runtime
 * loads and talks to, made out of nothing.
 */
export function createTinyTokenizer(contextTokens: number): {
  readonly metadata: Map<string, GgufMetadataInput>;
  readonly vocabularySize: number;
} {
  const printable = Array.from({ length: LAST_PRINTABLE - FIRST_PRINTABLE + 1 }, (_, i) =>
    String.fromCharCode(FIRST_PRINTABLE + i),
  );
  const tokens: readonly (readonly [text: string, type: number])[] = [
    ['<unk>', UNKNOWN],
    ['<s>', CONTROL],
    ['</s>', CONTROL],
    ...Array.from(
      { length: BYTES },
      (_, byte) => [`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, BYTE] as const,
    ),
    ...[SPACE, ...printable].map((text) => [text, NORMAL] as const),
  ];
  return {
    vocabularySize: tokens.length,
    metadata: new Map<string, GgufMetadataInput>([
      ['*.context_length', { uint32: contextTokens }],
      ['tokenizer.ggml.model', 'llama'],
      ['tokenizer.ggml.tokens', { strings: tokens.map(([text]) => text) }],
      ['tokenizer.ggml.scores', { float32s: tokens.map(() => 0) }],
      ['tokenizer.ggml.token_type', { int32s: tokens.map(([, type]) => type) }],
      ['tokenizer.ggml.unknown_token_id', { uint32: 0 }],
      ['tokenizer.ggml.bos_token_id', { uint32: 1 }],
      ['tokenizer.ggml.eos_token_id', { uint32: 2 }],
      ['tokenizer.ggml.add_bos_token', true],
      ['tokenizer.ggml.add_eos_token', false],
      ['tokenizer.ggml.add_space_prefix', false],
      ['tokenizer.chat_template', template],
    ]),
  };
}
