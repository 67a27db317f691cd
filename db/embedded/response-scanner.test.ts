import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeMessage, encodeReadyForQuery, encodeString } from './protocol.ts';
import { ResponseScanner } from './response-scanner.ts';

function scan(chunks: readonly Buffer[], dropFirstParseComplete: boolean, maxBytes = 1_000_000) {
  const forwarded: Buffer[] = [];
  const scanner = new ResponseScanner((bytes) => forwarded.push(Buffer.from(bytes)), {
    dropFirstParseComplete,
    maxBytes,
  });
  for (const chunk of chunks) scanner.push(chunk);
  return { bytes: Buffer.concat(forwarded), status: scanner.status, isOverLimit: scanner.isOverLimit };
}

const row = encodeMessage('D', Buffer.from('some row'));
const parseComplete = encodeMessage('1');
const notification = encodeMessage('A', Buffer.alloc(4), encodeString('channel'), encodeString('payload'));

describe('ResponseScanner', () => {
  it('drops notifications and the asked-for ParseComplete, wherever the chunks are cut', () => {
    const messages = fc.array(fc.constantFrom(row, parseComplete, notification, encodeReadyForQuery('T')), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(messages, fc.boolean(), fc.array(fc.nat(), { maxLength: 10 }), (list, mustDrop, cuts) => {
        const bytes = Buffer.concat([...list, encodeReadyForQuery('E')]);
        const ends = [...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length];
        const chunks = ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
        const kept = list.filter((message) => message !== notification);
        if (mustDrop && kept.includes(parseComplete)) kept.splice(kept.indexOf(parseComplete), 1);
        expect(scan(chunks, mustDrop)).toEqual({
          bytes: Buffer.concat([...kept, encodeReadyForQuery('E')]),
          status: 'E',
          isOverLimit: false,
        });
      }),
    );
  });

  it('ends an answer that is too long behind a whole message, and still sees its status', () => {
    const bytes = Buffer.concat([row, row, row, encodeReadyForQuery('I')]);
    expect(scan([bytes], false, 2 * row.length)).toEqual({
      bytes: Buffer.concat([row, row]),
      status: 'I',
      isOverLimit: true,
    });
  });

  it('knows no status before a ReadyForQuery', () => {
    expect(scan([row], false).status).toBeNull();
  });
});
