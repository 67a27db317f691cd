import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Cycle, CycleAssembler } from './cycle-assembler.ts';
import { FrontendParser } from './frontend-parser.ts';
import {
  encodeCloseStatement,
  encodeMessage,
  encodeQuery,
  encodeString,
  encodeSync,
  ProtocolViolation,
} from './protocol.ts';

const NO_PARAMETERS = Buffer.from([0, 0]);

function encodeStartup(parameters: Readonly<Record<string, string>>, version = 196_608): Buffer {
  const body = Object.entries(parameters).flatMap(([name, value]) => [encodeString(name), encodeString(value)]);
  const header = Buffer.alloc(8);
  header.writeInt32BE(9 + body.reduce((sum, part) => sum + part.length, 0), 0);
  header.writeInt32BE(version, 4);
  return Buffer.concat([header, ...body, Buffer.from([0])]);
}

function encodeParse(name: string, sql: string): Buffer {
  return encodeMessage('P', encodeString(name), encodeString(sql), NO_PARAMETERS);
}

const startup = encodeStartup({ user: 'postgres' });

/** Everything the bridge would send on for these chunks, or the violation that ends the connection. */
function collectCycles(chunks: readonly Buffer[]): readonly Cycle[] | 'violation' {
  const parser = new FrontendParser();
  const assembler = new CycleAssembler(7);
  const cycles: Cycle[] = [];
  try {
    for (const chunk of chunks) {
      for (const packet of parser.push(chunk)) {
        const cycle = packet.kind === 'message' ? assembler.add(packet.message) : null;
        if (cycle !== null) cycles.push(cycle);
      }
    }
  } catch (error) {
    if (error instanceof ProtocolViolation) return 'violation';
    throw error;
  }
  return cycles;
}

function splitAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const positions = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return positions.slice(1).map((end, i) => bytes.subarray(positions[i], end));
}

const text = fc.string({ maxLength: 20 }).map((value) => value.replaceAll('\0', ''));
const message = fc.oneof(
  text.map(encodeQuery),
  fc.tuple(text, text).map(([name, sql]) => encodeParse(name, sql)),
  fc
    .tuple(text, text)
    .map(([portal, name]) => encodeMessage('B', encodeString(portal), encodeString(name), Buffer.alloc(6))),
  text.map(encodeCloseStatement),
  text.map((portal) => encodeMessage('E', encodeString(portal), Buffer.alloc(4))),
  fc.constant(encodeSync()),
  fc.constant(encodeMessage('H')),
);

describe('framing', () => {
  it('gives the same cycles however the bytes were split', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 20 }), (messages, cuts) => {
        const bytes = Buffer.concat([startup, ...messages]);
        expect(collectCycles(splitAt(bytes, cuts))).toEqual(collectCycles([bytes]));
      }),
    );
  });

  it('answers garbage with a violation or waits for more, and never with another error', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 64 }),
        fc.boolean(),
        fc.array(fc.nat(), { maxLength: 4 }),
        (noise, isStarted, cuts) => {
          const bytes = Buffer.concat([isStarted ? startup : Buffer.alloc(0), noise]);
          expect(collectCycles(splitAt(bytes, cuts))).toSatisfy((x: unknown) => x === 'violation' || Array.isArray(x));
        },
      ),
    );
  });

  it('answers a message with a broken body with a violation', () => {
    fc.assert(
      fc.property(fc.constantFrom('P', 'B', 'C', 'D', 'Q'), fc.uint8Array({ maxLength: 32 }), (type, body) => {
        const bytes = Buffer.concat([startup, encodeMessage(type, Buffer.from(body)), encodeSync()]);
        expect(collectCycles([bytes])).toSatisfy((x: unknown) => x === 'violation' || Array.isArray(x));
      }),
    );
  });

  it('reads start-up, encryption and cancel packets', () => {
    const parser = new FrontendParser();
    const ssl = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);
    expect(parser.push(ssl)).toEqual([{ kind: 'encryption-request' }]);
    expect(parser.push(encodeStartup({ user: 'a', database: 'b' }, 196_610))).toEqual([
      {
        kind: 'startup',
        minorVersion: 2,
        parameters: new Map([
          ['user', 'a'],
          ['database', 'b'],
        ]),
      },
    ]);
    const cancel = Buffer.from([0, 0, 0, 16, 0x04, 0xd2, 0x16, 0x2e, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff]);
    expect(new FrontendParser().push(cancel)).toEqual([{ kind: 'cancel-request', processId: 5, secretKey: -1 }]);
  });

  it('refuses a length it would have to wait for forever before keeping a byte of it', () => {
    const parser = new FrontendParser();
    parser.push(startup);
    expect(() => parser.push(Buffer.from([0x51, 0x7f, 0xff, 0xff, 0xff]))).toThrow(ProtocolViolation);
    expect(() => new FrontendParser().push(Buffer.from([0x7f, 0xff, 0xff, 0xff]))).toThrow(ProtocolViolation);
    expect(() => new FrontendParser().push(encodeStartup({ user: 'a' }, 2 << 16))).toThrow(
      /unsupported frontend protocol/,
    );
  });
});

describe('CycleAssembler', () => {
  it('keeps the statement names of two clients apart and leaves the unnamed one alone', () => {
    const parse = { type: 'P', bytes: encodeParse('find', 'select 1') };
    const sync = { type: 'S', bytes: encodeSync() };
    const cycles = [1, 2].map((client) => {
      const assembler = new CycleAssembler(client);
      expect(assembler.add(parse)).toBeNull();
      const cycle = assembler.add(sync);
      return { bytes: cycle?.bytes.toString('latin1'), names: [...assembler.engineStatementNames] };
    });
    expect(cycles[0]?.names).not.toEqual(cycles[1]?.names);
    for (const { bytes, names } of cycles) expect(bytes).toContain(`${names[0]}\0select 1`);
    const unnamed = new CycleAssembler(3);
    unnamed.add({ type: 'P', bytes: encodeParse('', 'select 1') });
    expect(unnamed.add(sync)?.unnamedStatement).toEqual(encodeParse('', 'select 1'));
    expect([...unnamed.engineStatementNames]).toEqual([]);
  });
});
