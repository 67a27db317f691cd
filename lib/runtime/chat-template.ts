/**
 * The one place that turns messages into a prompt: chat, evaluation and training call it, so that an adapter meets in
 * service exactly the text it was trained on.
 *
 * The result is a list of segments and not a string, because a tokenizer that parses special tokens in one long string
 * would take `</s>` or `<|im_start|>` inside a document or a question for the model's own control tokens. Only segments
 * of kind `template` may be tokenised with special tokens parsed.
 */
import { createHash } from 'node:crypto';
import { Template } from '@huggingface/jinja';
import { AppError } from '#lib/domain/errors.ts';
import type { ChatMessage } from './runtime-port.ts';

export interface ChatTemplateSource {
  /** The GGUF's `tokenizer.chat_template`; undefined where the file carries none. */
  readonly chatTemplate: string | undefined;
  /** Format to use when the file carries no template; a template inside the file wins. Default `chatml`. */
  readonly hint?: ChatTemplateHint | undefined;
  /** Text of the beginning-of-sequence token; empty where the model has none. */
  readonly bosText: string;
  readonly eosText: string;
}

export type TemplateSegment =
  | { readonly kind: 'template'; readonly text: string }
  | { readonly kind: 'content'; readonly role: ChatMessage['role']; readonly text: string };

export interface ChatTemplate {
  /** SHA-256 (hex) of everything that decides the rendering; stored with each adapter. */
  readonly templateSha256: string;
  /**
   * @param options.addGenerationPrompt true for chat; false for a finished conversation, as in training
   * @throws AppError `input.invalid` when the template refuses the order of roles
   */
  render(messages: readonly ChatMessage[], options: { readonly addGenerationPrompt: boolean }): TemplateSegment[];
}

export const chatTemplateHints = ['zephyr', 'chatml', 'llama-3', 'gemma'] as const;
export type ChatTemplateHint = (typeof chatTemplateHints)[number];

/** The formats that the model families publish, for files that carry no template. */
const FALLBACK_TEMPLATES: Readonly<Record<ChatTemplateHint, string>> = {
  zephyr: `{% for message in messages %}{{ '<|' + message['role'] + '|>\\n' + message['content'] + eos_token + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}`,
  chatml: `{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}`,
  'llama-3': `{{ bos_token }}{% for message in messages %}{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + message['content'] + '<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}`,
  gemma: `{{ bos_token }}{% for message in messages %}{% if message['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else 'user') + '\\n' + message['content'] + '<end_of_turn>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}`,
};

/** Raised when the way of calling templates changes, so that the hash changes with it. */
const RENDERING_VERSION = 1;

/** Private-use characters: no template treats them as white space, and none writes them itself. */
const OPEN = '\uE0F0';
const CLOSE = '\uE0F1';
const placeholderPattern = new RegExp(`${OPEN}(\\d+)${CLOSE}`);

/** Variables of the templates beyond the messages. Short answers from documents gain nothing from a thinking phase. */
const TEMPLATE_OPTIONS = { enable_thinking: false } as const;

export function createChatTemplate(source: ChatTemplateSource): ChatTemplate {
  const text = source.chatTemplate ?? FALLBACK_TEMPLATES[source.hint ?? 'chatml'];
  const template = new Template(text);
  const templateSha256 = createHash('sha256')
    .update(JSON.stringify([RENDERING_VERSION, text, source.bosText, source.eosText, TEMPLATE_OPTIONS]))
    .digest('hex');

  const renderText = (messages: readonly ChatMessage[], addGenerationPrompt: boolean): string =>
    template.render({
      messages: messages.map((message) => ({ role: message.role, content: message.content })),
      add_generation_prompt: addGenerationPrompt,
      bos_token: source.bosText,
      eos_token: source.eosText,
      ...TEMPLATE_OPTIONS,
    });

  return {
    templateSha256,
    render(messages, { addGenerationPrompt }) {
      if (messages.length === 0) {
        throw new AppError({ code: 'input.invalid', message: 'messages is empty; expected at least one message' });
      }
      const { accepted, expected } = renderAccepted(messages, (list) => renderText(list, addGenerationPrompt));
      const placeholders = accepted.map((message, index) => ({ ...message, content: `${OPEN}${index}${CLOSE}` }));
      const pieces = renderText(placeholders, addGenerationPrompt).split(placeholderPattern);
      const fill = (contentOf: (message: ChatMessage) => string): TemplateSegment[] =>
        pieces
          .map((piece, position): TemplateSegment => {
            const message = position % 2 === 0 ? undefined : accepted[Number(piece)];
            if (message === undefined) return { kind: 'template', text: position % 2 === 0 ? piece : '' };
            return { kind: 'content', role: message.role, text: contentOf(message) };
          })
          .filter((segment) => segment.text !== '');
      const verbatim = fill((message) => message.content);
      if (joinSegments(verbatim) === expected) return verbatim;
      // Several families trim the content of each message; a placeholder cannot show that.
      return fill((message) => message.content.trim());
    },
  };
}

/** Some templates (Gemma, Mistral) refuse a system message: it then opens the first user message. */
function renderAccepted(
  messages: readonly ChatMessage[],
  render: (messages: readonly ChatMessage[]) => string,
): { accepted: readonly ChatMessage[]; expected: string } {
  try {
    return { accepted: messages, expected: render(messages) };
  } catch (cause) {
    const [first, second, ...rest] = messages;
    if (first?.role === 'system' && second?.role === 'user') {
      const merged = [{ role: 'user' as const, content: `${first.content}\n\n${second.content}` }, ...rest];
      try {
        return { accepted: merged, expected: render(merged) };
      } catch {
        // The first refusal names the cause; it is reported below.
      }
    }
    throw new AppError({
      code: 'input.invalid',
      message: `the model's chat template refused the messages (roles: ${messages.map((m) => m.role).join(', ')}): ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    });
  }
}

export function joinSegments(segments: readonly TemplateSegment[]): string {
  return segments.map((segment) => segment.text).join('');
}

/** A tokenizer of one model. `continues`: the text follows other text, so no leading space may be added. */
export type TokenizeText = (
  text: string,
  options: { readonly parseSpecial: boolean; readonly continues: boolean },
) => number[];

/** Special tokens are recognised in template segments only; `first` holds the token that the model wants in front, if any. */
function tokenizeEach(segments: readonly TemplateSegment[], tokenize: TokenizeText, bosToken: number | null) {
  const pieces = segments.map((segment, index) =>
    tokenize(segment.text, { parseSpecial: segment.kind === 'template', continues: index > 0 }),
  );
  const isFirstMissing = bosToken !== null && pieces.find((piece) => piece.length > 0)?.[0] !== bosToken;
  return { first: isFirstMissing ? [bosToken] : [], pieces };
}

/**
 * Token ids of a rendered prompt.
 * @param bosToken put in front when the model wants one and the template has not written it; null for none
 */
export function tokenizeSegments(
  segments: readonly TemplateSegment[],
  tokenize: TokenizeText,
  bosToken: number | null,
): number[] {
  const { first, pieces } = tokenizeEach(segments, tokenize, bosToken);
  return [...first, ...pieces.flat()];
}

/**
 * The same token ids, and which of them are the assistant's: the words of its messages, and of the template text behind each
 * the tokens up to the first that ends a generation, so that an adapter learns to stop.
 * @returns arrays of one length; `isAssistant` is 1 or 0
 */
export function tokenizeAndMark(
  segments: readonly TemplateSegment[],
  tokenize: TokenizeText,
  options: { readonly bosToken: number | null; readonly isEndOfGeneration: (token: number) => boolean },
): { readonly tokens: Int32Array; readonly isAssistant: Uint8Array } {
  const { first, pieces } = tokenizeEach(segments, tokenize, options.bosToken);
  const tokens = Int32Array.from([...first, ...pieces.flat()]);
  const isAssistant = new Uint8Array(tokens.length);
  let position = first.length;
  for (const [index, piece] of pieces.entries()) {
    const [before, segment] = [segments[index - 1], segments[index]];
    if (segment?.kind === 'content') {
      if (segment.role === 'assistant') isAssistant.fill(1, position, position + piece.length);
    } else if (before?.kind === 'content' && before.role === 'assistant') {
      isAssistant.fill(1, position, position + piece.findIndex(options.isEndOfGeneration) + 1);
    }
    position += piece.length;
  }
  return { tokens, isAssistant };
}
