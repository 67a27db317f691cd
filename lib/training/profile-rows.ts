import type { TrainingExample } from '#lib/lora/data/read-dataset.ts';
import type { FrozenRow, Split } from './data-set-source.ts';

/** A data set version as far as estimates and advice ask for it. */
export interface RowProfile {
  readonly counts: Readonly<Record<Split, number>>;
  /** Of the training rows: about how many tokens each has, and how many of them the assistant says. */
  readonly lengths: readonly { readonly tokens: number; readonly learned: number }[];
  /** Rows of the training split by intent; rows without one are not counted. */
  readonly intents: ReadonlyMap<string, number>;
  readonly manualRows: number;
  /** Training rows whose last answer another training row gives word for word. */
  readonly repeatedAnswers: number;
  /** The last questions of rows that are not trained on, for the samples; of training rows where there are no others. */
  readonly questions: readonly string[];
}

/** What a chat template writes around a message, about. */
const TEMPLATE_TOKENS = 8;
/** Rows whose tokens are counted; the others follow by their characters. */
const COUNTED_ROWS = 64;
const QUESTIONS_SHOWN = 3;
const LONGEST_QUESTION = 400;

const lastOf = (row: FrozenRow, role: 'user' | 'assistant') =>
  row.messages.findLast((message) => message.role === role)?.content ?? '';

const countCharacters = (messages: FrozenRow['messages']) =>
  messages.reduce((total, { content }) => total + content.length, 0);

function measureRow({ messages }: FrozenRow): { readonly all: number; readonly learned: number } {
  const learned = messages.filter(({ role }) => role === 'assistant');
  return { all: countCharacters(messages), learned: countCharacters(learned) };
}

/** Every n-th, so that a file sorted by source is met everywhere. */
function spread<T>(items: readonly T[], count: number): T[] {
  const stride = Math.max(1, items.length / count);
  return Array.from({ length: Math.min(count, items.length) }, (_, i) => items[Math.floor(i * stride)]).filter(
    (item) => item !== undefined,
  );
}

export async function profileRows(
  rows: AsyncIterable<FrozenRow>,
  countTokens: (texts: readonly string[]) => Promise<readonly number[]>,
): Promise<RowProfile> {
  const counts = { train: 0, validation: 0, 'held-out': 0 };
  const train: FrozenRow[] = [];
  const others: FrozenRow[] = [];
  for await (const row of rows) {
    counts[row.split]++;
    (row.split === 'train' ? train : others).push(row);
  }
  const counted = spread(train, COUNTED_ROWS).map((row) => row.messages.map(({ content }) => content).join('\n'));
  const tokens = (await countTokens(counted)).reduce((sum, count) => sum + count, 0);
  const characters = counted.reduce((sum, text) => sum + text.length, 0);
  const tokensPerCharacter = characters === 0 ? 0 : tokens / characters;
  const lengths = train.map((row) => {
    const { all, learned } = measureRow(row);
    return {
      tokens: Math.ceil(all * tokensPerCharacter) + row.messages.length * TEMPLATE_TOKENS,
      // The token that ends the turn is learned as well.
      learned: Math.ceil(learned * tokensPerCharacter) + 1,
    };
  });
  const intents = new Map<string, number>();
  const answers = new Map<string, number>();
  for (const row of train) {
    if (row.intent !== null) intents.set(row.intent, (intents.get(row.intent) ?? 0) + 1);
    const answer = lastOf(row, 'assistant').trim();
    answers.set(answer, (answers.get(answer) ?? 0) + 1);
  }
  const asked = (others.length > 0 ? others : train)
    .map((row) => lastOf(row, 'user').trim())
    .filter((question) => question !== '' && question.length <= LONGEST_QUESTION);
  return {
    counts,
    lengths,
    intents,
    manualRows: train.filter((row) => row.isFromManual).length,
    repeatedAnswers: [...answers.values()].filter((count) => count > 1).reduce((sum, count) => sum + count, 0),
    questions: spread([...new Set(asked)], QUESTIONS_SHOWN),
  };
}

/** Rows as the step planner sees them: lengths are what counts. Those that no sequence holds are left out. */
export function toExamples(profile: RowProfile, sequenceTokens: number): TrainingExample[] {
  return profile.lengths.flatMap(({ tokens, learned }, index) =>
    tokens > sequenceTokens
      ? []
      : [
          {
            line: index + 1,
            tokens: new Int32Array(tokens),
            isLearned: new Uint8Array(tokens).fill(1, Math.max(1, tokens - learned)),
          },
        ],
  );
}
