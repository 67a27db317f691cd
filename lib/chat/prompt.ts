import type { Source } from '#lib/domain/chat.ts';
import { invalidInput } from '#lib/domain/errors.ts';
import type { ChatMessage } from '#lib/runtime/runtime-port.ts';

/**
 * Prompt templates by version. A version, once it has answered anyone, never changes: messages, suites and adapters name it.
 * Training, evaluation and chat build their prompts here and nowhere else.
 */

export interface PromptInput {
  /** Stands alone: a follow-up has been completed before. */
  readonly question: string;
  /** Passages as the model shall read them, in order; may be shorter than the sources that are shown. */
  readonly passages: readonly Passage[];
  /** The workspace's own instructions; empty for none. */
  readonly instructions: string;
}

export interface Passage {
  readonly number: number;
  readonly title: string;
  readonly text: string;
}

export interface Prompt {
  readonly messages: readonly ChatMessage[];
  /** Generation ends before any of these. */
  readonly stop: readonly string[];
  /** Sentences of the answer that are kept; what a small model writes after them strays. Undefined: all. */
  readonly maxSentences?: number;
}

export interface PromptTemplate {
  readonly version: string;
  readonly build: (input: PromptInput) => Prompt;
}

/**
 * What a model says when the passages hold no answer. Adapters are trained to write exactly this, and it is taken as a refusal.
 */
export const NO_ANSWER = 'The passages do not say.';

function joinSystem(rules: string, instructions: string): string {
  const own = instructions.trim();
  return own === '' ? rules : `${rules}\n\n${own}`;
}

function listPassages(passages: readonly Passage[]): string {
  return passages.map((passage) => `[${passage.number}] ${passage.title}\n${passage.text}`).join('\n\n');
}

/** Without numbers and brackets: a small model copies such signs into its answer, or reads past them. */
function joinTexts(passages: readonly Passage[]): string {
  return passages.map((passage) => `${passage.title}: ${passage.text}`).join('\n\n');
}

function systemMessage(text: string): ChatMessage[] {
  return text === '' ? [] : [{ role: 'system', content: text }];
}

/** A worked example outside any manual of a reader. */
const EXAMPLE_PASSAGE: Passage = {
  number: 1,
  title: 'Atlas drill manual',
  text: 'The Atlas drill has a 600 W motor. Charge the battery for 90 minutes before first use. The chuck takes bits up to 13 mm.',
};
const EXAMPLES: readonly (readonly [question: string, answer: string])[] = [
  ['How long must the battery be charged before first use?', '90 minutes'],
  ['What is the largest bit that fits the chuck?', 'Bits up to 13 mm'],
  ['Which motor has the Atlas drill?', 'A 600 W motor'],
];

const COPY_RULE = 'Answer the question with the few words of the passage that answer it.';

/** Templates that were measured and lost stay for the table of decision 0020 to be repeated. */
const templates: readonly PromptTemplate[] = [
  {
    // For small models: no system text of ours, passage first, the wish for brevity beside the question.
    version: 'grounded-1',
    build: ({ question, passages, instructions }) => ({
      messages: [
        ...systemMessage(instructions.trim()),
        {
          role: 'user',
          content: `${joinTexts(passages)}\n\nAnswer this question from the text above in a few words: ${question}`,
        },
      ],
      stop: ['\n'],
      maxSentences: 2,
    }),
  },
  {
    // For models that follow instructions: they set the markers themselves and may write several sentences.
    version: 'instruct-1',
    build: ({ question, passages, instructions }) => ({
      messages: [
        {
          role: 'system',
          content: joinSystem(
            'You answer questions from the numbered passages only. Be short. After each sentence name its passage as [n]. ' +
              'Copy numbers, codes and names exactly. If the passages do not contain the answer, say that they do not.',
            instructions,
          ),
        },
        { role: 'user', content: `${listPassages(passages)}\n\nQuestion: ${question}` },
      ],
      stop: [],
    }),
  },
  {
    version: 'one-shot-1',
    build: ({ question, passages, instructions }) => ({
      messages: [
        { role: 'system', content: joinSystem(COPY_RULE, instructions) },
        { role: 'user', content: `${listPassages([EXAMPLE_PASSAGE])}\n\nQuestion: ${EXAMPLES[0]?.[0] ?? ''}` },
        { role: 'assistant', content: EXAMPLES[0]?.[1] ?? '' },
        { role: 'user', content: `${listPassages(passages)}\n\nQuestion: ${question}` },
      ],
      stop: ['\n'],
    }),
  },
  {
    version: 'three-shot-1',
    build: ({ question, passages, instructions }) => ({
      messages: [
        { role: 'system', content: joinSystem('Answer with the exact words of the passage. Be short.', instructions) },
        ...EXAMPLES.flatMap(([asked, answer]): ChatMessage[] => [
          { role: 'user', content: `${joinTexts([EXAMPLE_PASSAGE])}\n\nQuestion: ${asked}` },
          { role: 'assistant', content: answer },
        ]),
        { role: 'user', content: `${joinTexts(passages)}\n\nQuestion: ${question}` },
      ],
      stop: ['\n'],
    }),
  },
  {
    version: 'question-first-1',
    build: ({ question, passages, instructions }) => ({
      messages: [
        { role: 'system', content: joinSystem(COPY_RULE, instructions) },
        {
          role: 'user',
          content: `Question: ${question}\n\n${listPassages(passages)}\n\nAnswer in a few words: ${question}`,
        },
      ],
      stop: ['\n'],
    }),
  },
  {
    version: 'quote-1',
    build: ({ question, passages, instructions }) => ({
      messages: [
        {
          role: 'system',
          content: joinSystem(
            'Copy the sentence of the passage that answers the question, word for word. Write nothing else.',
            instructions,
          ),
        },
        { role: 'user', content: `${listPassages(passages)}\n\nQuestion: ${question}\nSentence:` },
      ],
      stop: ['\n'],
    }),
  },
];

const byVersion = new Map(templates.map((template) => [template.version, template]));

export const promptVersions: readonly string[] = templates.map((template) => template.version);

/** @throws AppError `input.invalid` for a version that this product does not know */
export function findPromptTemplate(version: string): PromptTemplate {
  const template = byVersion.get(version);
  if (template === undefined) {
    throw invalidInput(`no prompt version ${version}; known: ${promptVersions.join(', ')}`, { promptVersion: version });
  }
  return template;
}

/** Title line of a passage: the document, and the headings that say where in it. */
export function titlePassage(source: Pick<Source, 'documentTitle' | 'headings'>): string {
  return [source.documentTitle, ...source.headings].filter((part) => part.trim() !== '').join(' › ');
}
