import type { DatabaseExecutor } from '#db/executor.ts';
import { listManualPassages, type ManualPassage } from '#db/repositories/manual-passages.ts';
import { nothingToAsk, type PlannedQuestion, planQuestions } from '#lib/questions/plan-questions.ts';
import { composeUnanswerable, type QuestionDeps, writeAnswer, writeQuestion } from '#lib/questions/write-question.ts';
import { importSettingsSchema } from './import-settings.ts';
import type { Candidate, OpenRowSource } from './perform-import.ts';
import { listUnsupported } from './row-reasons.ts';

export interface ManualDeps extends QuestionDeps {
  readonly db: DatabaseExecutor;
  /** What a refusing model says. */
  readonly noAnswer: string;
}

/**
 * Question and answer rows from the workspace's manuals, written by its own model: a statement is chosen, the model writes a
 * question that it answers, then answers it over passages in the product's own prompt. The statement is the quote that the answer
 * is held against; what it does not bear out is flagged.
 * @throws AppError `questions.no-statements`
 */
export function createManualSource(deps: ManualDeps): OpenRowSource {
  return async (access, { import: intake }, signal) => {
    const settings = importSettingsSchema.parse(intake.settings);
    if (settings.kind !== 'manuals') throw new TypeError(`expected manuals, got ${settings.kind}`);
    const passages = await listManualPassages(deps.db, access, settings.documentIds);
    const planned = planQuestions(passages, settings);
    if (planned.length === 0) throw nothingToAsk();
    return {
      stage: 'writing',
      total: planned.length,
      async *read(position): AsyncGenerator<Candidate> {
        for (const [index, plan] of planned.entries()) {
          if (index < position) continue;
          yield await writeRow(deps, plan, passages, index + 1, signal);
        }
      },
    };
  };
}

async function writeRow(
  deps: ManualDeps,
  plan: PlannedQuestion,
  passages: readonly ManualPassage[],
  position: number,
  signal: AbortSignal,
): Promise<Candidate> {
  const { kind, passage, sentence } = plan;
  const question = await writeQuestion(deps, plan, signal);
  const skip = (reason: string): Candidate => ({ kind: 'empty', position, line: passage.pageNumber, reason });
  if (question === null) return skip(`of “${passage.documentTitle}”: the model wrote no question about a sentence`);
  const origin = {
    documentId: passage.documentId,
    documentVersionId: passage.versionId,
    pageNumber: passage.pageNumber,
    quote: sentence,
  };
  if (kind === 'refusal') {
    const prompt = await composeUnanswerable(deps, { question, plan, passages });
    if (prompt === null) return skip(`of “${passage.documentTitle}”: no passage lacks the answer`);
    const messages = [...prompt.messages, { role: 'assistant' as const, content: deps.noAnswer }];
    return { kind: 'row', position, messages, intent: '', origin };
  }
  const written = await writeAnswer(deps, { question, plan, passages }, signal);
  if (written === null) return skip(`of “${passage.documentTitle}”: the model wrote no answer`);
  return {
    kind: 'row',
    position,
    messages: [...written.messages, { role: 'assistant', content: written.answer }],
    intent: '',
    origin,
    findings: listUnsupported(written.unsupported),
  };
}
