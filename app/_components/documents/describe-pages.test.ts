import { expect, it } from 'vitest';
import { describePages } from './describe-pages.ts';

it.each([
  [[], ''],
  [[7], '7'],
  [[1, 2, 3], '1–3'],
  [[3, 4, 5, 9, 11, 12], '3–5, 9, 11–12'],
  [[1, 3, 5, 7, 9, 11, 13, 15, 17], '1, 3, 5, 7, 9, 11, 13, 15 and more'],
])('writes %j as "%s"', (pages, words) => expect(describePages(pages)).toBe(words));
