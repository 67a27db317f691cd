import { describe, expect, it } from 'vitest';
import { describeFate } from './describe-fate.ts';

const rankOf = (chunkId: string) => (chunkId === 'a' ? 3 : undefined);

describe('describeFate', () => {
  it('names the passage that is repeated, when it is shown', () => {
    expect(describeFate({ kind: 'repeats', chunkId: 'a' }, rankOf)).toBe('Repeats passage 3');
    expect(describeFate({ kind: 'repeats', chunkId: 'b' }, rankOf)).toBe('Repeats another passage');
    expect(describeFate({ kind: 'source', number: 2 }, rankOf)).toBe('Source 2');
  });
});
