import { expect, test } from 'vitest';
import { failed, ok, runChecks, warning } from './check.ts';

test('keeps the order, and a check that throws fails without hiding the others', async () => {
  const results = await runChecks([
    { id: 'slow', title: 'Slow', run: async () => ok('fine') },
    {
      id: 'broken',
      title: 'Broken',
      run: async () => {
        throw new Error('no such driver');
      },
    },
    { id: 'late', title: 'Late', run: async () => warning('soon', 'wait') },
    { id: 'bad', title: 'Bad', run: async () => failed('gone', 'bring it') },
  ]);
  expect(results.map((result) => [result.id, result.status])).toEqual([
    ['slow', 'ok'],
    ['broken', 'failed'],
    ['late', 'warning'],
    ['bad', 'failed'],
  ]);
  expect(results[1]?.detail).toBe('no such driver');
  for (const result of results) expect(result.remedy === null).toBe(result.status === 'ok');
});
