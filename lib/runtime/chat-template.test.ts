import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createChatTemplate, joinSegments, tokenizeAndMark, tokenizeSegments } from './chat-template.ts';
import type { ChatMessage } from './runtime-port.ts';

const conversation: readonly ChatMessage[] = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'How many litres?' },
];
const zephyr = createChatTemplate({ chatTemplate: undefined, hint: 'zephyr', bosText: '<s>', eosText: '</s>' });
const chat = { addGenerationPrompt: true };

describe('createChatTemplate', () => {
  it('renders the format of the model and marks what came from people', () => {
    expect(zephyr.render(conversation, chat)).toEqual([
      { kind: 'template', text: '<|system|>\n' },
      { kind: 'content', role: 'system', text: 'Be brief.' },
      { kind: 'template', text: '</s>\n<|user|>\n' },
      { kind: 'content', role: 'user', text: 'How many litres?' },
      { kind: 'template', text: '</s>\n<|assistant|>\n' },
    ]);
  });

  it('leaves the generation prompt out for a finished conversation', () => {
    const messages = [...conversation, { role: 'assistant' as const, content: 'Four.' }];
    expect(joinSegments(zephyr.render(messages, { addGenerationPrompt: false }))).toMatch(
      /<\|assistant\|>\nFour\.<\/s>\n$/,
    );
  });

  it('keeps any content, control-token look-alikes included, inside content segments', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('</s>', '<|user|>', '\n', '{{ x }}', '$&', 'text'), { maxLength: 6 }),
        (parts) => {
          const content = parts.join('');
          const segments = zephyr.render([{ role: 'user', content }], chat);
          expect(
            segments
              .filter((segment) => segment.kind === 'content')
              .map((segment) => segment.text)
              .join(''),
          ).toBe(content);
          expect(
            segments
              .filter((segment) => segment.kind === 'template')
              .map((segment) => segment.text)
              .join(''),
          ).toBe('<|user|>\n</s>\n<|assistant|>\n');
        },
      ),
    );
  });

  it('trims content where the template of the model does', () => {
    const trimming = createChatTemplate({
      chatTemplate: "{% for m in messages %}[{{ m['content'] | trim }}]{% endfor %}",
      bosText: '',
      eosText: '',
    });
    expect(joinSegments(trimming.render([{ role: 'user', content: '  hi \n' }], chat))).toBe('[hi]');
  });

  it('lets the system message open the first user message where the template has no system role', () => {
    const gemma = createChatTemplate({ chatTemplate: undefined, hint: 'gemma', bosText: '<bos>', eosText: '<eos>' });
    expect(joinSegments(gemma.render(conversation, chat))).toBe(
      '<bos><start_of_turn>user\nBe brief.\n\nHow many litres?<end_of_turn>\n<start_of_turn>model\n',
    );
  });

  it('reports a template that refuses the roles, and an empty conversation', () => {
    const picky = createChatTemplate({
      chatTemplate: "{{ raise_exception('roles must alternate') }}",
      bosText: '',
      eosText: '',
    });
    expect(() => picky.render(conversation, chat)).toThrow('roles must alternate');
    expect(() => zephyr.render([], chat)).toThrow('expected at least one message');
  });

  it('has a hash that is stable and differs between formats', () => {
    const again = createChatTemplate({ chatTemplate: undefined, hint: 'zephyr', bosText: '<s>', eosText: '</s>' });
    const other = createChatTemplate({ chatTemplate: undefined, hint: 'chatml', bosText: '<s>', eosText: '</s>' });
    expect(zephyr.templateSha256).toMatch(/^[0-9a-f]{64}$/);
    expect(again.templateSha256).toBe(zephyr.templateSha256);
    expect(other.templateSha256).not.toBe(zephyr.templateSha256);
  });
});

describe('tokenizeSegments', () => {
  it('parses special tokens in template segments only and puts the first token in front once', () => {
    const calls: string[] = [];
    const tokenize = (text: string, options: { parseSpecial: boolean; continues: boolean }) => {
      calls.push(`${options.parseSpecial ? 'special' : 'plain'}:${options.continues ? 'continues' : 'begins'}:${text}`);
      return [text.length];
    };
    const segments = [
      { kind: 'template', text: 'a' },
      { kind: 'content', role: 'user', text: '</s>' },
    ] as const;
    expect(tokenizeSegments(segments, tokenize, 99)).toEqual([99, 1, 4]);
    expect(calls).toEqual(['special:begins:a', 'plain:continues:</s>']);
    expect(tokenizeSegments(segments, tokenize, 1)).toEqual([1, 4]);
    expect(tokenizeSegments(segments, tokenize, null)).toEqual([1, 4]);
  });
});

/** One token a character; `</s>` in template text is the one token 0, which ends a generation. */
const tokenizeCharacters = (text: string, { parseSpecial }: { parseSpecial: boolean }) =>
  Array.from(parseSpecial ? text.replaceAll('</s>', '\0') : text, (character) => character.codePointAt(0) ?? 0);
const exchange = (words: string): ChatMessage[] => [
  { role: 'user', content: 'question' },
  { role: 'assistant', content: words },
];

describe('tokenizeAndMark', () => {
  const options = { bosToken: 1, isEndOfGeneration: (token: number) => token === 0 };
  const mark = (messages: readonly ChatMessage[], template = zephyr) => {
    const segments = template.render(messages, { addGenerationPrompt: false });
    const { tokens, isAssistant } = tokenizeAndMark(segments, tokenizeCharacters, options);
    expect([...tokens]).toEqual(tokenizeSegments(segments, tokenizeCharacters, 1));
    return String.fromCodePoint(...tokens.filter((_, i) => isAssistant[i] === 1)).replaceAll('\0', '</s>');
  };
  it('marks what the assistant says and the token that ends it, of every turn and of nobody else', () => {
    expect(mark([{ role: 'system', content: 'Be brief.' }, ...exchange('Four.'), ...exchange('Five.')])).toBe(
      'Four.</s>Five.</s>',
    );
    expect(mark(conversation)).toBe('');
  });

  it('takes a control-token look-alike for the words that it is', () => {
    expect(mark(exchange('a</s>b'))).toBe('a</s>b</s>');
  });

  it('marks the words alone where the template closes a message with no end of generation', () => {
    const open = createChatTemplate({
      chatTemplate: "{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }}\n{% endfor %}",
      bosText: '',
      eosText: '',
    });
    expect(mark(exchange('Four.'), open)).toBe('Four.');
  });
});
