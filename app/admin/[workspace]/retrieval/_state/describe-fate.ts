import type { CandidateFate } from '#lib/retrieval/select-sources.ts';

/** What became of a candidate, in words. `rankOf` gives the fused rank of another candidate that is shown. */
export function describeFate(fate: CandidateFate, rankOf: (chunkId: string) => number | undefined): string {
  switch (fate.kind) {
    case 'source':
      return `Source ${fate.number}`;
    case 'repeats': {
      const rank = rankOf(fate.chunkId);
      return rank === undefined ? 'Repeats another passage' : `Repeats passage ${rank}`;
    }
    case 'document-full':
      return 'Its document has enough sources';
    case 'over-budget':
      return 'Too long for what was left';
    case 'ranked-below':
      return 'Ranked below the sources';
    default:
      return fate satisfies never;
  }
}
