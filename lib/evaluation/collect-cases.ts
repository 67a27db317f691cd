import type { DatabaseExecutor } from '#db/executor.ts';
import { listGoldenQuestions } from '#db/repositories/golden-questions.ts';
import { findMessage, listMessagesBefore, type Message } from '#db/repositories/messages.ts';
import { findSuiteByName } from '#db/repositories/suites.ts';
import { lockWorkspace } from '#db/repositories/workspace-lock.ts';
import { giveFeedback } from '#lib/chat/conversations.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { invalidInput } from '#lib/domain/errors.ts';
import { expectAnswer } from './expect-answer.ts';
import { readSuite, type SavedSuite, saveSuite } from './suites.ts';
import { makeCaseKey, type TestCase, type TestCaseInput, testCaseSchema } from './test-case.ts';

/** Cases out of what people have already told: corrected answers, and passages that a search should find. */

export const CHAT_SUITE = 'From chat';
export const MARKS_SUITE = 'From marked retrievals';

interface Deps {
  readonly db: DatabaseExecutor;
}

/** Bounds of {@link testCaseSchema}. */
const MAX_TEXT = 8000;
const MAX_TURNS = 40;

async function extendSuite(
  tx: DatabaseExecutor,
  access: Authorized<'evaluation.write'>,
  suite: { readonly name: string; readonly description: string },
  note: string,
  merge: (existing: readonly TestCase[]) => readonly TestCase[],
): Promise<SavedSuite> {
  await lockWorkspace(tx, access);
  const known = await findSuiteByName(tx, access, suite.name);
  const existing = known === undefined ? [] : (await readSuite({ db: tx }, access, { suiteId: known.id })).cases;
  return saveSuite({ db: tx }, access, { ...suite, cases: merge(existing), note });
}

const isTurn = (message: Message) => message.content.trim() !== '';

/**
 * A test case from an answer that was wrong: the question with the turns before it, and what the answer should have been. The
 * correction is kept as the person's feedback as well. Asked twice, the second replaces the first.
 * @param input.isUnanswerable the documents do not say; the answer should have been a refusal
 * @throws AppError `message.not-found` for any message but an answer of the person's own conversations, `input.invalid`
 */
export async function createCaseFromMessage(
  deps: Deps,
  access: { readonly write: Authorized<'evaluation.write'>; readonly chat: Authorized<'chat.use'> },
  input: {
    readonly messageId: string;
    readonly comment: string;
    readonly correction: string;
    readonly isUnanswerable: boolean;
  },
): Promise<SavedSuite & { readonly caseKey: string }> {
  const correction = input.correction.trim();
  return deps.db.transaction(async (tx) => {
    const message = await findMessage(tx, access.chat, input.messageId);
    if (message.role !== 'assistant') throw invalidInput('a test case is made from an answer');
    if (correction === '' && !input.isUnanswerable) {
      throw invalidInput('Write what the answer should have been, or say that the documents do not answer this.');
    }
    const before = (await listMessagesBefore(tx, access.chat, message.conversationId, message.ordinal)).filter(isTurn);
    const asked = before.at(-1);
    if (asked?.role !== 'user') throw invalidInput('there is no question before this answer');
    const history = before
      .slice(0, -1)
      .slice(-MAX_TURNS)
      .map(({ role, content }) => ({ role, content: content.slice(0, MAX_TEXT) }));
    const question = asked.content.slice(0, MAX_TEXT);
    const testCase = testCaseSchema.parse({
      // The same follow-up in two conversations is two questions.
      key: makeCaseKey(history.length === 0 ? question : `${question}\n${JSON.stringify(history)}`),
      question,
      history,
      area: input.isUnanswerable ? 'refusal' : 'grounding',
      tags: ['from chat'],
      assertions: input.isUnanswerable ? [{ type: 'refuses' }] : expectAnswer(correction),
    } satisfies TestCaseInput);
    await giveFeedback({ db: tx }, access.chat, message.id, { isHelpful: false, comment: input.comment, correction });
    const saved = await extendSuite(
      tx,
      access.write,
      { name: CHAT_SUITE, description: 'Answers that people corrected in chat.' },
      `From an answer in chat: ${question.slice(0, 120)}`,
      (existing) => [...existing.filter(({ key }) => key !== testCase.key), testCase],
    );
    return { ...saved, caseKey: testCase.key };
  });
}

/**
 * Test cases from the questions whose passages were marked on the retrieval page: one whose passages lie in one document must
 * cite it, one that the documents do not answer must be refused. Cases that are there already, edited or not, stay as they are.
 * @throws AppError `input.invalid` while nothing is marked
 */
export async function createCasesFromMarks(
  deps: Deps,
  access: Authorized<'evaluation.write'>,
): Promise<SavedSuite & { readonly added: number }> {
  return deps.db.transaction(async (tx) => {
    const questions = await listGoldenQuestions(tx, access);
    const cases = questions.flatMap(({ question, kind, passages }): TestCase[] => {
      const [first] = passages;
      if (kind !== 'unanswerable' && first === undefined) return [];
      const documents = new Set(passages.map(({ documentTitle }) => documentTitle));
      const pages = new Set(passages.map(({ pageNumber }) => pageNumber));
      const expected: TestCaseInput['assertions'] =
        kind === 'unanswerable'
          ? [{ type: 'refuses' }]
          : [
              { type: 'answers' },
              ...(documents.size === 1 && first !== undefined
                ? [
                    {
                      type: 'cites-document' as const,
                      title: first.documentTitle.slice(0, 500),
                      ...(pages.size === 1 ? { page: first.pageNumber } : {}),
                    },
                  ]
                : []),
            ];
      return [
        testCaseSchema.parse({
          key: makeCaseKey(question),
          question,
          area: kind === 'unanswerable' ? 'refusal' : 'grounding',
          tags: ['marked retrieval'],
          assertions: expected,
        } satisfies TestCaseInput),
      ];
    });
    if (cases.length === 0) throw invalidInput('Nothing is marked on the Retrieval page yet.');
    let added = 0;
    const saved = await extendSuite(
      tx,
      access,
      { name: MARKS_SUITE, description: 'Questions whose passages were marked on the Retrieval page.' },
      'From the marks on the Retrieval page',
      (existing) => {
        const known = new Set(existing.map(({ key }) => key));
        const fresh = cases.filter(({ key }) => !known.has(key));
        added = fresh.length;
        return [...existing, ...fresh];
      },
    );
    return { ...saved, added };
  });
}
