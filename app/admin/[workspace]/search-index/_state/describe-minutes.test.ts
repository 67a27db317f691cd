import { expect, it } from 'vitest';
import { describeMinutes } from './describe-minutes.ts';

it.each([
  [null, 'how long it takes cannot be measured yet'],
  [0, 'less than a minute on this machine'],
  [1.2, 'about 2 minutes on this machine'],
  [89.5, 'about 90 minutes on this machine'],
  [150, 'about 3 hours on this machine'],
])('says %s minutes as "%s"', (minutes, words) => {
  expect(describeMinutes(minutes)).toBe(words);
});
