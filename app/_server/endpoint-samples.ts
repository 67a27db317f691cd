/**
 * A call that succeeds, for every route (`METHOD /path`) and action (its name): the access matrix
 * (`access-matrix.db.test.ts`) makes all its forbidden calls out of them. A new endpoint without an entry fails that test.
 */

/** One workspace with a row of everything, as the matrix builds it twice. */
export interface SampleTenant {
  readonly slug: string;
  readonly userIds: { readonly owner: string; readonly member: string };
  /** A session of the owner, but not the one that calls. */
  readonly spareSessionId: string;
  readonly invitationId: string;
  readonly invitationToken: string;
  readonly keyId: string;
  readonly documentId: string;
  readonly chunkId: string;
  readonly goldenQuestionId: string;
  readonly versionId: string;
  /** Unpacked, with a file that was left out. */
  readonly archiveId: string;
  readonly runId: string;
  /** Of the owner. */
  readonly conversationId: string;
  /** The question; `messageId` is its answer. */
  readonly questionId: string;
  readonly messageId: string;
  readonly deletedConversationId: string;
  readonly adapterId: string;
  /** Two versions of the adapter; neither has ever served. */
  readonly adapterVersionIds: readonly [string, string];
  readonly dataSetId: string;
  readonly dataSetRowId: string;
  readonly dataSetVersionId: string;
  readonly suiteId: string;
  /** Of the first adapter version, over the suite; nothing has been asked yet. */
  readonly evaluationId: string;
  /** For the suite; its writing was cancelled. */
  readonly draftSetId: string;
  /** Accepted. */
  readonly draftId: string;
}

export interface SampleCall {
  readonly params?: Readonly<Record<string, string | readonly string[]>>;
  readonly query?: Readonly<Record<string, string>>;
  /** JSON body of a route, input of an action. */
  readonly input?: Readonly<Record<string, unknown>>;
  /** Body of an upload. */
  readonly file?: { readonly name: string; readonly type: string; readonly content: string };
}

export interface EndpointSample {
  /** `workspace` is added by the matrix. Ids of the tenant make the foreign calls: they must all be 404. */
  readonly call: (tenant: SampleTenant) => SampleCall;
  /** Other shapes of the input, each with ids of its own. */
  readonly otherCalls?: readonly ((tenant: SampleTenant) => SampleCall)[];
  /** Rows of one person: others of the same workspace get 404 too. */
  readonly isPersonal?: boolean;
  /** Why the other tenant's values are no trespass here, e.g. the token is the authority. */
  readonly foreignIsAllowedBecause?: string;
  /** Public endpoints: what this call, made by a stranger, answers. It changes nothing. */
  readonly publicStatus?: number;
  /** Statuses with which the right caller may be answered besides 2xx, e.g. 503 where no model runs. */
  readonly alsoFine?: readonly number[];
}

const nothing = () => ({});
const selectDocument = (tenant: SampleTenant) => ({ input: { selection: { documentIds: [tenant.documentId] } } });
const selectMatching = () => ({
  input: { selection: { matching: { search: '', group: null, tag: null, mediaType: null } } },
});
const testCase = {
  key: 'what-is-it',
  question: 'What is it?',
  assertions: [{ type: 'contains', values: ['a manual'] }],
};
const BOGUS_TOKEN = 'x'.repeat(43);
const account = { name: 'Nobody', email: 'nobody@example.org', password: 'a long enough passphrase' };

export const endpointSamples: Readonly<Record<string, EndpointSample>> = {
  'GET /api/health': { call: nothing, publicStatus: 200 },
  'GET /api/auth/[...all]': { call: () => ({ params: { all: ['list-sessions'] } }), publicStatus: 404 },
  'POST /api/auth/[...all]': {
    call: () => ({
      params: { all: ['sign-in', 'email'] },
      input: { email: account.email, password: account.password },
    }),
    publicStatus: 401,
  },

  'session.sign-in': {
    call: () => ({ input: { email: account.email, password: account.password, next: '//evil.example' } }),
    publicStatus: 401,
  },
  'session.sign-out': { call: nothing, publicStatus: 200 },
  'instance.set-up': { call: () => ({ input: { token: BOGUS_TOKEN, ...account } }), publicStatus: 409 },
  'invitation.accept-new': { call: () => ({ input: { token: BOGUS_TOKEN, ...account } }), publicStatus: 409 },
  'invitation.accept': {
    call: (tenant) => ({ input: { token: tenant.invitationToken } }),
    foreignIsAllowedBecause: 'whoever holds the link is invited',
  },
  'password.change': {
    call: () => ({ input: { currentPassword: 'wrong on purpose', newPassword: 'another long passphrase' } }),
    alsoFine: [400],
  },
  'session.revoke': { call: (tenant) => ({ input: { sessionId: tenant.spareSessionId } }) },

  'workspace.create': { call: () => ({ input: { name: 'Third', slug: 'third' } }) },

  'workspace.configure': {
    call: () => ({ input: { name: 'Renamed', instructions: 'Be brief.', suggestedQuestions: ['What is it?'] } }),
  },
  'invitation.create': { call: () => ({ input: { role: 'member', email: '', expiresInDays: 7 } }) },
  'invitation.revoke': { call: (tenant) => ({ input: { invitationId: tenant.invitationId } }) },
  'member.change-role': { call: (tenant) => ({ input: { userId: tenant.userIds.member, role: 'evaluator' } }) },
  'member.remove': { call: (tenant) => ({ input: { userId: tenant.userIds.member } }) },
  'key.create': { call: () => ({ input: { name: 'ci', permissions: ['chat.use'], expiresInDays: 'never' } }) },
  'key.revoke': { call: (tenant) => ({ input: { keyId: tenant.keyId } }) },

  'GET /api/w/[workspace]/documents': { call: nothing },
  'POST /api/w/[workspace]/documents': {
    call: () => ({ file: { name: 'note.txt', type: 'text/plain', content: 'A note.' } }),
  },
  'GET /api/w/[workspace]/documents/[documentId]': {
    call: (tenant) => ({ params: { documentId: tenant.documentId } }),
  },
  'DELETE /api/w/[workspace]/documents/[documentId]': {
    call: (tenant) => ({ params: { documentId: tenant.documentId } }),
  },
  'GET /api/w/[workspace]/documents/[documentId]/versions/[versionId]/file': {
    call: (tenant) => ({ params: { documentId: tenant.documentId, versionId: tenant.versionId } }),
    // The sample's row names a file that is not in the store.
    alsoFine: [422],
  },
  'GET /api/w/[workspace]/documents/[documentId]/versions/[versionId]/pages/[pageNumber]': {
    call: (tenant) => ({
      params: { documentId: tenant.documentId, versionId: tenant.versionId, pageNumber: '1' },
    }),
  },
  // No model runs in the test.
  'golden-passage.mark': {
    call: ({ chunkId }) => ({ input: { question: 'Which pump?', chunkId, isWanted: true } }),
  },
  'golden-question.mark-unanswerable': {
    call: () => ({ input: { question: 'Which tower?' } }),
    foreignIsAllowedBecause: 'the question is text of the caller, kept in the caller’s workspace',
  },
  'golden-question.remove': { call: ({ goldenQuestionId: questionId }) => ({ input: { questionId } }) },
  'retrieval.evaluate': { call: nothing },
  'answer-config.set-threshold': { call: () => ({ input: { threshold: 0.5 } }) },
  'index.estimate': { call: () => ({ input: { chunkSizeTokens: 100, chunkOverlapTokens: 0 } }), alsoFine: [503] },
  'index.rebuild': { call: () => ({ input: { chunkSizeTokens: 100, chunkOverlapTokens: 0 } }), alsoFine: [503] },
  // Refused before anything is fetched: the right caller is told so.
  'document.fetch': { call: () => ({ input: { address: 'http://127.0.0.1/' } }), alsoFine: [422] },
  'document.fetch-again': { call: (tenant) => ({ input: { documentId: tenant.documentId } }), alsoFine: [422] },
  'POST /api/w/[workspace]/documents/[documentId]/versions': {
    call: (tenant) => ({
      params: { documentId: tenant.documentId },
      file: { name: 'manual.txt', type: 'text/plain', content: 'A newer text.' },
    }),
  },
  'GET /api/w/[workspace]/archives/[archiveId]': { call: (tenant) => ({ params: { archiveId: tenant.archiveId } }) },
  'archive.dismiss': { call: (tenant) => ({ input: { archiveId: tenant.archiveId } }) },
  'document.delete': { call: selectDocument, otherCalls: [selectMatching] },
  'document.retry': { call: selectDocument, otherCalls: [selectMatching] },
  'document.cancel': { call: selectDocument, otherCalls: [selectMatching] },
  'document.tag': {
    call: (tenant) => ({ input: { ...selectDocument(tenant).input, add: ['pumps'], remove: [] } }),
  },
  'document.prioritise': {
    call: (tenant) => ({ input: { ...selectDocument(tenant).input, priority: 'boosted' } }),
  },
  'document.supersede': {
    call: (tenant) => ({ input: { documentId: tenant.documentId, successorId: null } }),
    otherCalls: [(tenant) => ({ input: { documentId: tenant.documentId, successorId: tenant.documentId } })],
    // A document cannot supersede itself.
    alsoFine: [422],
  },
  'document.find': { call: () => ({ input: { search: 'manual' } }) },
  'GET /api/w/[workspace]/runs': { call: nothing },
  'POST /api/w/[workspace]/runs/[runId]/cancel': { call: (tenant) => ({ params: { runId: tenant.runId } }) },
  'POST /api/w/[workspace]/runs/[runId]/retry': {
    call: (tenant) => ({ params: { runId: tenant.runId } }),
    // Only a run that is over can be tried again.
    alsoFine: [409],
  },
  'run.cancel': { call: (tenant) => ({ input: { runId: tenant.runId } }) },
  'run.retry': { call: (tenant) => ({ input: { runId: tenant.runId } }), alsoFine: [409] },

  'training.forecast': {
    call: ({ dataSetVersionId }) => ({ input: { dataSetVersionId, config: {}, threads: 1 } }),
    // There is no base model in the test.
    alsoFine: [503],
  },
  'training.start': {
    call: ({ dataSetVersionId }) => ({
      input: { dataSetVersionId, config: {}, threads: 1, adapterName: 'Voice', notes: '', questions: ['What is it?'] },
    }),
    alsoFine: [503],
  },

  'POST /api/w/[workspace]/chat': {
    call: (tenant) => ({ input: { kind: 'ask', conversationId: tenant.conversationId, question: 'What is it?' } }),
    otherCalls: [
      (tenant) => ({ input: { kind: 'regenerate', messageId: tenant.messageId } }),
      (tenant) => ({ input: { kind: 'edit', messageId: tenant.questionId, question: 'What else is it?' } }),
    ],
    isPersonal: true,
  },
  'GET /api/w/[workspace]/chat/messages/[messageId]': {
    call: (tenant) => ({ params: { messageId: tenant.messageId } }),
    isPersonal: true,
  },
  'POST /api/w/[workspace]/chat/messages/[messageId]/stop': {
    call: (tenant) => ({ params: { messageId: tenant.messageId } }),
    isPersonal: true,
  },
  'PUT /api/w/[workspace]/chat/messages/[messageId]/feedback': {
    call: (tenant) => ({ params: { messageId: tenant.messageId }, input: { isHelpful: true } }),
    isPersonal: true,
  },
  'DELETE /api/w/[workspace]/chat/messages/[messageId]/feedback': {
    call: (tenant) => ({ params: { messageId: tenant.messageId } }),
    isPersonal: true,
  },
  'conversation.rename': {
    call: (tenant) => ({ input: { conversationId: tenant.conversationId, title: 'Renamed' } }),
    isPersonal: true,
  },
  'conversation.delete': { call: (tenant) => ({ input: { conversationId: tenant.conversationId } }), isPersonal: true },
  'conversation.restore': {
    call: (tenant) => ({ input: { conversationId: tenant.deletedConversationId } }),
    isPersonal: true,
  },
  'conversation.search': { call: () => ({ input: { query: 'secret' } }) },
  'message.give-feedback': {
    call: (tenant) => ({ input: { messageId: tenant.messageId, isHelpful: false, comment: 'No.', correction: '' } }),
    isPersonal: true,
  },

  'GET /api/w/[workspace]/adapters': { call: nothing },
  'POST /api/w/[workspace]/adapters': {
    call: () => ({
      query: { name: 'Imported' },
      file: { name: 'adapter.gguf', type: 'application/octet-stream', content: 'no adapter at all' },
    }),
    // There is no base model in the test.
    alsoFine: [503],
  },
  'GET /api/w/[workspace]/adapters/versions/[versionId]/file': {
    call: (tenant) => ({ params: { versionId: tenant.adapterVersionIds[0] }, query: { format: 'gguf' } }),
    // The sample's row names a file that is not in the store.
    alsoFine: [422],
  },
  'POST /api/w/[workspace]/adapters/try': {
    call: () => ({ input: { question: 'What is it?', versionId: null, usesRetrieval: false } }),
    otherCalls: [
      (tenant) => ({
        input: { question: 'What is it?', versionId: tenant.adapterVersionIds[0], usesRetrieval: true },
      }),
    ],
    // No model runs in the test.
    alsoFine: [503],
  },
  'POST /api/w/[workspace]/adapters/versions/[versionId]/promote': {
    call: (tenant) => ({
      params: { versionId: tenant.adapterVersionIds[0] },
      input: { reason: 'to see whether it may be done' },
    }),
    // Nothing has passed the gate.
    alsoFine: [409],
  },
  'champion.promote': {
    call: (tenant) => ({
      input: { versionId: tenant.adapterVersionIds[0], reason: 'to see whether it may be done' },
    }),
    alsoFine: [409],
  },
  'champion.override': {
    call: (tenant) => ({
      input: { versionId: tenant.adapterVersionIds[1], reason: 'to see whether it may be done' },
    }),
    alsoFine: [503],
  },
  'champion.roll-back': {
    call: (tenant) => ({
      input: { versionId: tenant.adapterVersionIds[0], reason: 'to see whether it may be done' },
    }),
    // No runtime to load it, and nothing to go back to.
    alsoFine: [409, 503],
  },
  'adapter.rename': { call: (tenant) => ({ input: { adapterId: tenant.adapterId, name: 'Renamed' } }) },
  'adapter.write-notes': {
    call: (tenant) => ({ input: { versionId: tenant.adapterVersionIds[0], notes: 'A note.' } }),
  },
  'adapter.delete-version': { call: (tenant) => ({ input: { versionId: tenant.adapterVersionIds[1] } }) },
  'adapter.blend': {
    call: (tenant) => ({
      input: {
        name: 'Blend',
        parts: tenant.adapterVersionIds.map((versionId) => ({ versionId, weight: 0.5 })),
        method: 'linear',
        rank: null,
      },
    }),
  },
  'adapter.merge': { call: (tenant) => ({ input: { versionId: tenant.adapterVersionIds[0], type: 'F16' } }) },
  'playground.vote': {
    call: (tenant) => ({
      input: {
        question: 'What is it?',
        usedRetrieval: false,
        answers: [
          { versionId: null, text: 'A.' },
          { versionId: tenant.adapterVersionIds[0], text: 'B.' },
        ],
        preferred: 1,
      },
    }),
  },
  'POST /api/w/[workspace]/datasets/[dataSetId]/uploads': {
    call: (tenant) => ({
      params: { dataSetId: tenant.dataSetId },
      file: {
        name: 'log.jsonl',
        type: 'application/jsonl',
        content: '{"messages":[{"role":"user","content":"Why?"},{"role":"assistant","content":"So."}]}\n',
      },
    }),
  },
  'GET /api/w/[workspace]/datasets/[dataSetId]/versions/[versionId]/export': {
    call: (tenant) => ({ params: { dataSetId: tenant.dataSetId, versionId: tenant.dataSetVersionId } }),
    // The sample's row names a file that is not in the store.
    alsoFine: [422],
  },
  'dataset.create': { call: () => ({ input: { name: 'Another set', language: 'en', maxRowTokens: 512 } }) },
  'dataset.delete': { call: (tenant) => ({ input: { dataSetId: tenant.dataSetId } }) },
  'dataset.take-in-conversations': {
    call: (tenant) => ({ input: { dataSetId: tenant.dataSetId } }),
    // The sample's workspace does not learn from conversations.
    alsoFine: [422],
  },
  'dataset.estimate-manuals': {
    call: (tenant) => ({ input: { dataSetId: tenant.dataSetId, documentIds: [], maxRows: 10, refusalShare: 0.2 } }),
  },
  'dataset.write-manuals': {
    call: (tenant) => ({ input: { dataSetId: tenant.dataSetId, documentIds: [], maxRows: 10, refusalShare: 0.2 } }),
  },
  'dataset.save-style': {
    call: (tenant) => ({
      input: { dataSetId: tenant.dataSetId, styleSheet: { do: ['Be brief.'], dont: [], samples: [] } },
    }),
  },
  'dataset.take-in-style': { call: (tenant) => ({ input: { dataSetId: tenant.dataSetId } }) },
  'dataset.apply-style': { call: (tenant) => ({ input: { dataSetId: tenant.dataSetId } }) },
  'workspace.set-consent': { call: () => ({ input: { isOn: true } }) },
  'dataset.review': {
    call: (tenant) => ({
      input: { dataSetId: tenant.dataSetId, action: 'reject', target: { rowIds: [tenant.dataSetRowId] } },
    }),
    otherCalls: [(tenant) => ({ input: { dataSetId: tenant.dataSetId, action: 'accept', target: { filter: {} } } })],
  },
  'dataset.edit-row': {
    call: (tenant) => ({
      input: {
        dataSetId: tenant.dataSetId,
        rowId: tenant.dataSetRowId,
        messages: [
          { role: 'user', content: 'Why?' },
          { role: 'assistant', content: 'Because.' },
        ],
      },
    }),
  },
  // Nobody has judged the sample's row yet.
  'dataset.undo': { call: (tenant) => ({ input: { dataSetId: tenant.dataSetId } }), alsoFine: [422] },
  'dataset.freeze': { call: (tenant) => ({ input: { dataSetId: tenant.dataSetId, notes: '' } }) },

  'GET /api/w/[workspace]/suites': { call: nothing },
  'POST /api/w/[workspace]/suites': {
    call: () => ({
      query: { name: 'Imported' },
      file: { name: 'suite.jsonl', type: 'application/jsonl', content: `${JSON.stringify(testCase)}\n` },
    }),
  },
  'GET /api/w/[workspace]/suites/[suiteId]/export': {
    call: (tenant) => ({ params: { suiteId: tenant.suiteId }, query: { format: 'yaml' } }),
  },
  'suite.create': {
    call: () => ({ input: { name: 'Another suite', description: '', testCase } }),
  },
  'suite.revise': {
    call: (tenant) => ({
      input: { suiteId: tenant.suiteId, basedOn: 1, note: 'one more', changed: [testCase], removed: [] },
    }),
  },
  'suite.restore': { call: (tenant) => ({ input: { suiteId: tenant.suiteId, basedOn: 1, number: 1 } }) },
  'suite.archive': { call: (tenant) => ({ input: { suiteId: tenant.suiteId } }) },
  'suite.take-in-shipped': {
    call: () => ({ input: { names: ['Grounding'] } }),
    foreignIsAllowedBecause: 'the names are those of the product, not of a workspace',
  },
  'suite.take-in-marks': {
    call: nothing,
    // The sample's question has no passage.
    alsoFine: [400],
  },
  'suite.take-in-message': {
    call: (tenant) => ({
      input: { messageId: tenant.messageId, comment: '', correction: 'A pump.', isUnanswerable: false },
    }),
    isPersonal: true,
  },
  'rubric.judge-labels': {
    call: () => ({
      input: {
        rubric: {
          type: 'rubric',
          criterion: 'The answer is short.',
          labels: Array.from({ length: 20 }, (_, index) => ({ answer: `Answer ${index}`, isMet: index % 2 === 0 })),
        },
      },
    }),
    foreignIsAllowedBecause: 'criterion and labels are text of the caller, and nothing is stored',
    // No model runs in the test.
    alsoFine: [503],
  },
  'suite.forecast-drafts': {
    call: ({ documentId }) => ({ input: { settings: { documentIds: [documentId], maxCases: 5 } } }),
  },
  'suite.draft': {
    call: ({ suiteId }) => ({ input: { suite: { id: suiteId }, settings: { documentIds: [], maxCases: 5 } } }),
    otherCalls: [
      ({ documentId }) => ({
        input: { suite: { name: 'Drafted' }, settings: { documentIds: [documentId], maxCases: 5 } },
      }),
    ],
    // The sample's passage holds no whole sentence.
    alsoFine: [422],
  },
  'suite.draft-cancel': { call: ({ draftSetId }) => ({ input: { draftSetId } }) },
  'suite.draft-resume': { call: ({ draftSetId }) => ({ input: { draftSetId } }) },
  'suite.draft-review': {
    call: ({ draftSetId, draftId }) => ({ input: { draftSetId, draftIds: [draftId], state: 'dropped' } }),
  },
  'suite.draft-edit': { call: ({ draftSetId, draftId }) => ({ input: { draftSetId, draftId, testCase } }) },
  'suite.draft-take-in': { call: ({ draftSetId }) => ({ input: { draftSetId, suiteName: 'Drafted' } }) },
  'suite.draft-discard': { call: ({ draftSetId }) => ({ input: { draftSetId } }) },
  'GET /api/w/[workspace]/evaluations': { call: nothing },
  'POST /api/w/[workspace]/evaluations': {
    call: (tenant) => ({ input: { versionId: tenant.adapterVersionIds[0], suiteIds: [tenant.suiteId] } }),
    otherCalls: [(tenant) => ({ input: { versionId: null, suiteIds: [tenant.suiteId] } })],
  },
  'GET /api/w/[workspace]/evaluations/[evaluationId]': {
    call: (tenant) => ({ params: { evaluationId: tenant.evaluationId } }),
  },
  'GET /api/w/[workspace]/evaluations/[evaluationId]/export': {
    call: (tenant) => ({ params: { evaluationId: tenant.evaluationId }, query: { format: 'csv' } }),
  },
  'evaluation.start': {
    call: (tenant) => ({
      input: {
        versionId: tenant.adapterVersionIds[0],
        suiteIds: [tenant.suiteId],
        settings: { repeats: 1, seed: 0, isAlsoAlone: false },
      },
    }),
    otherCalls: [(tenant) => ({ input: { versionId: null, suiteIds: [tenant.suiteId], settings: {} } })],
  },
  'evaluation.cancel': { call: (tenant) => ({ input: { evaluationId: tenant.evaluationId } }) },
  // It still waits, and nothing of it is answered.
  'evaluation.resume': { call: (tenant) => ({ input: { evaluationId: tenant.evaluationId } }), alsoFine: [409] },
  'evaluation.decide': { call: (tenant) => ({ input: { evaluationId: tenant.evaluationId } }), alsoFine: [409] },
  'gate.change-policy': { call: () => ({ input: { policy: {}, note: 'a bar that suits us' } }) },

  'GET /api/v1/openapi.json': { call: nothing, publicStatus: 200 },
  'GET /api/v1/adapters': { call: nothing },
  'POST /api/v1/adapters/versions/[versionId]/promote': {
    call: ({ adapterVersionIds }) => ({
      params: { versionId: adapterVersionIds[0] },
      input: { reason: 'to see whether it may be done' },
    }),
    // Nothing has passed the gate.
    alsoFine: [409],
  },
  'GET /api/v1/suites': { call: nothing },
  'POST /api/v1/suites': {
    call: () => ({
      query: { name: 'Imported' },
      file: { name: 'suite.jsonl', type: 'application/jsonl', content: `${JSON.stringify(testCase)}\n` },
    }),
  },
  'POST /api/v1/evaluations': {
    call: ({ adapterVersionIds, suiteId }) => ({ input: { versionId: adapterVersionIds[0], suiteIds: [suiteId] } }),
  },
  'GET /api/v1/evaluations/[evaluationId]': { call: ({ evaluationId }) => ({ params: { evaluationId } }) },
  'GET /api/v1/evaluations/[evaluationId]/report': {
    call: ({ evaluationId }) => ({ params: { evaluationId }, query: { format: 'junit' } }),
  },
  'POST /api/v1/evaluations/[evaluationId]/cancel': { call: ({ evaluationId }) => ({ params: { evaluationId } }) },
  'POST /api/v1/documents': {
    call: () => ({ file: { name: 'from-a-key.txt', type: 'text/plain', content: 'Another note.' } }),
  },
  'GET /api/v1/documents/[documentId]': { call: (tenant) => ({ params: { documentId: tenant.documentId } }) },
  'GET /api/v1/archives/[archiveId]': { call: (tenant) => ({ params: { archiveId: tenant.archiveId } }) },
  'GET /api/v1/models': { call: nothing },
  'POST /api/v1/chat/completions': {
    call: (tenant) => ({ input: { model: tenant.slug, messages: [{ role: 'user', content: 'What is it?' }] } }),
    // No model runs in the test.
    alsoFine: [503],
  },
};
