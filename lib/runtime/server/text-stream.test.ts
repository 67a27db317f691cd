import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTextStream } from './text-stream.ts';

describe('createTextStream', () => {
  it('sends exactly the text before the first stop string, however the text is cut', () => {
    const pieces = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'S', 'T'), maxLength: 4 }), { maxLength: 12 });
    const stops = fc.array(fc.string({ unit: fc.constantFrom('S', 'T', 'b'), minLength: 1, maxLength: 3 }), {
      maxLength: 3,
    });
    fc.assert(
      fc.property(pieces, stops, (parts, stopList) => {
        const stream = createTextStream(stopList);
        const sent = parts.map((part) => stream.push(part)).join('') + stream.flush();
        const whole = parts.join('');
        // The stream decides as soon as a stop string is complete, so the earliest end wins, then the earliest start.
        const ends = stopList.flatMap((stop) => {
          const at = whole.indexOf(stop);
          return at === -1 ? [] : [{ start: at, end: at + stop.length }];
        });
        expect(stream.isStopped).toBe(ends.length > 0);
        const allowed = ends.length === 0 ? [whole] : ends.map(({ start }) => whole.slice(0, start));
        expect(allowed).toContain(sent);
      }),
    );
  });

  it('sends nothing more after the stop', () => {
    const stream = createTextStream(['END']);
    expect([stream.push('one EN'), stream.push('D two'), stream.push('three'), stream.flush()]).toEqual([
      'one ',
      '',
      '',
      '',
    ]);
  });
});
