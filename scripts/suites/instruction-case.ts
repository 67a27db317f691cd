import type { TestCaseInput } from '#lib/evaluation/test-case.ts';

/** One row of IFEval: a prompt, and the constraints that a program can check. */
export interface InstructionRow {
  readonly key: number;
  readonly prompt: string;
  readonly instructions: readonly { readonly id: string; readonly values: Readonly<Record<string, unknown>> }[];
}

type Assertions = TestCaseInput['assertions'];

/** An answer without documents ends after 160 tokens, see `askCase`. */
const MAX_ASKED_WORDS = 100;
/** RE2 repeats no group more often. */
const MAX_REPEATS = 100;

const quote = (text: string) => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');

/** At least `count` times, wherever; `less` turns it around. */
function repeated(pattern: string, count: number, isLess: boolean): Assertions | null {
  if (count < 1 || count > MAX_REPEATS) return null;
  return [{ type: 'matches', pattern: `(?s)(?:${pattern}.*){${count}}`, isCaseSensitive: true, isForbidden: isLess }];
}

/** @returns null: no assertion of ours says this */
function readInstruction(id: string, values: Readonly<Record<string, unknown>>): Assertions | null {
  const text = (name: string) => (typeof values[name] === 'string' ? values[name] : '');
  const number = (name: string) => (typeof values[name] === 'number' ? values[name] : 0);
  const texts = (name: string) => (Array.isArray(values[name]) ? values[name].map(String) : []);
  const isLess = (name: string) => text(name) === 'less than';
  switch (id) {
    case 'punctuation:no_comma':
      return [{ type: 'matches', pattern: ',', isForbidden: true }];
    case 'length_constraints:number_words': {
      const words = number('num_words');
      if (isLess('relation')) return [{ type: 'length', minWords: 1, maxWords: Math.max(1, words - 1) }];
      return words > MAX_ASKED_WORDS ? null : [{ type: 'length', minWords: words }];
    }
    case 'keywords:existence':
      return [{ type: 'contains', values: texts('keywords') }];
    case 'keywords:forbidden_words':
      return [{ type: 'forbids', values: texts('forbidden_words') }];
    case 'keywords:frequency':
      return repeated(`(?i:\\b${quote(text('keyword'))}\\b)`, number('frequency'), isLess('relation'));
    case 'keywords:letter_frequency':
      return repeated(`(?i:${quote(text('letter'))})`, number('let_frequency'), isLess('let_relation'));
    case 'detectable_format:number_highlighted_sections':
      return repeated('\\*[^\\n*]+\\*', number('num_highlights'), false);
    case 'detectable_content:number_placeholders':
      return repeated('\\[[^\\]]+\\]', number('num_placeholders'), false);
    case 'detectable_format:multiple_sections':
      return repeated(`${quote(text('section_spliter'))}\\s?\\d+`, number('num_sections'), false);
    case 'change_case:capital_word_frequency':
      return repeated('\\b[A-Z]+\\b', number('capital_frequency'), isLess('capital_relation'));
    case 'change_case:english_lowercase':
      return [{ type: 'matches', pattern: '[A-Z]', isCaseSensitive: true, isForbidden: true }];
    case 'change_case:english_capital':
      return [{ type: 'matches', pattern: '[a-z]', isCaseSensitive: true, isForbidden: true }];
    case 'detectable_format:title':
      return [{ type: 'matches', pattern: '<<[^\\n]+>>' }];
    case 'detectable_format:json_format':
      return [{ type: 'json-schema', schema: {} }];
    case 'detectable_content:postscript':
      return [{ type: 'matches', pattern: quote(text('postscript_marker')) }];
    case 'startend:quotation':
      return [{ type: 'matches', pattern: '(?s)^\\s*".*"\\s*$' }];
    case 'startend:end_checker':
      return [{ type: 'matches', pattern: `(?s)${quote(text('end_phrase'))}"?\\s*$` }];
    case 'language:response_language':
      return [{ type: 'language', value: text('language') }];
    case 'detectable_format:constrained_response':
      return [{ type: 'contains-any', values: ['My answer is yes.', 'My answer is no.', 'My answer is maybe.'] }];
    default:
      return null;
  }
}

/** @returns null: one of its constraints cannot be said with our assertions, or not within an answer's length */
export function makeInstructionCase({ key, prompt, instructions }: InstructionRow): TestCaseInput | null {
  const assertions = instructions.map(({ id, values }) => readInstruction(id, values));
  if (assertions.length === 0 || assertions.includes(null)) return null;
  return {
    key: `ifeval-${key}`,
    question: prompt,
    mode: 'alone',
    area: 'instructions',
    tags: [...new Set(instructions.map(({ id }) => `constraint: ${id.split(':')[0] ?? id}`))],
    assertions: assertions.flatMap((each) => each ?? []),
  };
}
