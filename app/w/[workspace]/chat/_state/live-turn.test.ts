import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChatEvent, MessageView, Provenance } from '#lib/domain/chat.ts';
import { applyChatEvent, endTurn, isRunning, mergeMessages, startTurn } from './live-turn.ts';

const provenance: Provenance = {
  baseModel: 'base',
  baseSha256: null,
  adapterSha256: null,
  promptVersion: 'grounded-1',
  chatTemplateSha256: null,
  answerConfigId: 'a',
  indexConfigId: 'i',
  embeddingModel: 'e',
  searchQuery: 'q',
  supportScore: 0.8,
  usage: null,
  timingsMs: { retrieval: 1, queue: null, prefill: null, decode: null, firstText: null, total: 2 },
};

const started: ChatEvent = { type: 'turn-start', conversationId: 'c1', userMessageId: 'u1', messageId: 'm1' };
const final: ChatEvent = {
  type: 'answer-final',
  text: 'Torque is 12 Nm.',
  answerKind: 'generated',
  citations: [],
  unsupportedSpans: [],
};
const finish: ChatEvent = { type: 'turn-finish', state: 'complete', provenance };

const begin = (more: Partial<Parameters<typeof startTurn>[0]> = {}) =>
  startTurn({ key: 'k', question: 'Torque?', conversationId: null, nowMs: 0, ...more });

const fold = (events: readonly ChatEvent[], turn = begin()) =>
  events.reduce((state, event, index) => applyChatEvent(state, event, index + 1), turn);

function stored(id: string, role: 'user' | 'assistant', more: Partial<MessageView> = {}): MessageView {
  return {
    id,
    role,
    content: id,
    state: 'complete',
    answerKind: null,
    error: null,
    sources: [],
    citations: [],
    unsupportedSpans: [],
    provenance: null,
    feedback: null,
    createdAt: '2026-01-01T00:00:00.000Z',
    ...more,
  };
}

describe('applyChatEvent', () => {
  it('gathers the streamed text and then takes the checked answer in its place', () => {
    const streaming = fold([
      started,
      { type: 'text-delta', text: 'Torque is ' },
      { type: 'text-delta', text: '12 Nm [9].' },
    ]);
    expect(streaming.text).toBe('Torque is 12 Nm [9].');
    expect(streaming.stage).toBe('writing');
    const done = fold([final, finish], streaming);
    expect(done).toMatchObject({ text: 'Torque is 12 Nm.', phase: 'complete', isChecked: true, provenance });
  });

  it('keeps the start of a stage when the same stage is told again', () => {
    const turn = fold([
      { type: 'stage-update', stage: 'searching' },
      { type: 'stage-update', stage: 'searching' },
    ]);
    expect(turn.stageStartedAtMs).toBe(1);
  });

  it('ignores everything after the end', () => {
    const event = fc.constantFrom<ChatEvent>(started, final, finish, { type: 'text-delta', text: 'x' });
    fc.assert(
      fc.property(fc.array(event), (late) => {
        const stopped = endTurn(fold([started, { type: 'text-delta', text: 'half' }]), 'stopped');
        expect(fold(late, stopped)).toEqual(stopped);
      }),
    );
  });

  it('keeps the text that was there when the turn fails', () => {
    const error = { code: 'runtime.unreachable', message: 'The model is restarting.', isRetryable: true };
    const turn = fold([started, { type: 'text-delta', text: 'half' }, { type: 'turn-error', error }]);
    expect(turn).toMatchObject({ phase: 'failed', text: 'half', error });
    expect(isRunning(turn)).toBe(false);
  });

  it('calls a stream that ends in silence a lost connection', () => {
    expect(endTurn(fold([started]), 'disconnected')).toMatchObject({
      phase: 'failed',
      error: { code: 'connection.lost', isRetryable: true },
    });
    expect(endTurn(fold([started, finish]), 'disconnected').phase).toBe('complete');
  });
});

describe('mergeMessages', () => {
  it('shows a new question and its answer behind the stored ones', () => {
    const shown = mergeMessages([stored('u0', 'user'), stored('m0', 'assistant')], fold([started]));
    expect(shown.map((message) => message.id)).toEqual(['u0', 'm0', 'u1', 'm1']);
  });

  it('does not double a turn whose question and placeholder are stored already', () => {
    const shown = mergeMessages(
      [stored('u1', 'user'), stored('m1', 'assistant', { state: 'streaming' })],
      fold([started]),
    );
    expect(shown.map((message) => message.id)).toEqual(['u1', 'm1']);
    expect(shown[1]?.turn).not.toBeNull();
  });

  it('lets the stored answer win once it is finished', () => {
    const shown = mergeMessages(
      [stored('u1', 'user'), stored('m1', 'assistant', { content: 'stored' })],
      fold([started, final, finish]),
    );
    expect(shown.map((message) => [message.id, message.content, message.turn])).toEqual([
      ['u1', 'u1', null],
      ['m1', 'stored', null],
    ]);
  });

  it('puts a regenerated answer under the stored question', () => {
    const turn = begin({ conversationId: 'c1', replacesMessageId: 'm0' });
    const shown = mergeMessages([stored('u0', 'user'), stored('m0', 'assistant')], turn);
    expect(shown.map((message) => message.id)).toEqual(['u0', 'k-answer']);
  });

  it('puts an edited question in the place of the old one and drops what followed', () => {
    const turn = begin({ conversationId: 'c1', editsMessageId: 'u1' });
    const shown = mergeMessages(
      [stored('u0', 'user'), stored('m0', 'assistant'), stored('u1', 'user'), stored('m1', 'assistant')],
      turn,
    );
    expect(shown.map((message) => message.id)).toEqual(['u0', 'm0', 'k-question', 'k-answer']);
  });
});
