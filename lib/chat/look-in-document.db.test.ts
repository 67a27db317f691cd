import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeDatabase } from '#db/testing/describe-database.ts';
import { authorizeSystem } from '#lib/auth/authorize-system.ts';
import { answerConfigSchema } from '#lib/domain/answer-config.ts';
import { type IngestionStage, openIngestionStage } from '#lib/testing/ingestion-stage.ts';
import { answerQuestion } from './answer-question.ts';
import { createAnswerDeps } from './create-chat-deps.ts';

const describePump = (name: string, torque: number) =>
  `# ${name}\n\nThe head bolts of the pump need a torque of ${torque} Nm. The filter of the pump lasts ${torque} days.\n`;

const FILES: Readonly<Record<string, string>> = {
  'K35 centrifuge manual.md': describePump('K35', 35),
  'K40 centrifuge manual.md': describePump('K40', 40),
  'K40 parts list.md': '# Parts\n\nThe head bolts of the pump, the filter of the pump, the torque wrench.\n',
  'Workshop notes.md': describePump('All pumps', 99),
};

describeDatabase('a question that names a document, and its follow-ups', (getDatabase) => {
  let stage: IngestionStage;
  let find: (...questions: readonly string[]) => Promise<readonly string[]>;
  beforeAll(async () => {
    const { db } = getDatabase();
    stage = await openIngestionStage(db);
    const open = async (files: Readonly<Record<string, string>>) => {
      const workspace = await stage.addWorkspace();
      for (const [name, text] of Object.entries(files)) await stage.addText(workspace, name, text);
      return await authorizeSystem('test', workspace.id, 'chat.use');
    };
    const access = await open(FILES);
    await open({ 'K70 manual.md': describePump('K70', 70) });
    await stage.performAll();
    const deps = createAnswerDeps({ db, runtime: stage.runtime });
    find = async (...questions) => {
      const config = answerConfigSchema.parse({ supportThreshold: 0 });
      const events = answerQuestion(deps, access, {
        question: questions.at(-1) ?? '',
        history: questions.slice(0, -1).map((content) => ({ role: 'user' as const, content })),
        model: 'base',
        config,
        answerConfigId: '',
        instructions: '',
      });
      for await (const event of events) {
        if (event.type === 'source-list')
          return [...new Set(event.sources.map((source) => source.documentTitle))].sort();
      }
      throw new Error('no sources were told of');
    };
  });
  afterAll(() => stage.close());

  const K35 = 'In the K35 manual, which torque do the head bolts of the pump need?';
  const everywhere = Object.keys(FILES)
    .map((name) => name.replace('.md', ''))
    .sort();

  it.each([
    ['words of its title', K35],
    ['its title', 'According to the K35 centrifuge manual, which torque do the head bolts need?'],
    ['its file', 'Which torque do the head bolts need in K35 centrifuge manual.md?'],
  ])('looks where the question says, by %s', async (_, question) => {
    expect(await find(question)).toEqual(['K35 centrifuge manual']);
  });

  it.each([
    ['keeps the document', 'And the filter?', ['K35 centrifuge manual']],
    [
      'keeps it when the manual is spoken of again',
      'What does the manual say about the filter?',
      ['K35 centrifuge manual'],
    ],
    ['turns to another one', 'And in the K40 manual?', ['K40 centrifuge manual']],
    ['turns to another one by its name alone', 'What about the K40?', ['K40 centrifuge manual']],
    ['turns to another one of another kind', 'And in the workshop notes file?', ['Workshop notes']],
    ['looks elsewhere', 'And in the other documents?', everywhere],
    ['looks in all for one that is not there', 'And in the K70 manual?', everywhere],
    ['leaves it with a question of its own', 'How many days does the filter of the pump last?', everywhere],
  ])('%s in a follow-up', async (_, question, titles) => {
    expect(await find(K35, question)).toEqual(titles);
  });

  it('keeps through a chain what was turned to last', async () => {
    expect(await find(K35, 'And in the K40 manual?', 'And the filter?')).toEqual(['K40 centrifuge manual']);
    expect(await find(K35, 'And in the other documents?', 'And the filter?')).toEqual(everywhere);
  });
});
