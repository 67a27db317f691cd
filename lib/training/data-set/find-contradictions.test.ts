import { describe, expect, it } from 'vitest';
import { findContradictions, type SourcePassage } from './find-contradictions.ts';

const passages: readonly SourcePassage[] = [
  {
    documentTitle: 'Policy',
    pageNumber: 3,
    text: '| Usual duration | 7 working days |\n| Fee | 12 EUR |\nA repaired part carries a warranty of 6 months in the region EU.\nOpened greases and seals cannot be returned to the depot.\n\nUnused goods may be returned within 30 days of delivery.',
  },
  { documentTitle: 'Old policy', pageNumber: 1, text: 'Unused goods may be returned within 14 days of delivery.' },
];
const find = async (text: string, sources = passages) =>
  (
    await findContradictions(
      [
        { id: 'other', text: 'The cable costs 12 euros in every shop of ours.' },
        { id: 'row', text },
      ],
      sources,
    )
  ).get('row') ?? null;

describe('contradictions of sources', () => {
  it('finds another number of the same unit, and says where the right one stands', async () => {
    expect(await find('Sure! A repaired part carries a warranty of 12 months in the EU.')).toBe(
      '“Policy”, page 3 says: A repaired part carries a warranty of 6 months in the region EU.',
    );
    expect(await find('A repaired part carries a warranty of 6 months in the EU.')).toBeNull();
  });

  it('finds a denial of what a source affirms, and the other way round', async () => {
    expect(await find('Opened greases and seals can be returned to the depot.')).toMatch(
      /^“Policy”, page 3 says: Opened/,
    );
    expect(await find("Opened greases and seals can't be returned to the depot.")).toBeNull();
    expect(await find('Unused goods may not be returned within 30 days of delivery.')).toMatch(/page 3 says: Unused/);
  });

  it('lets one sentence that agrees clear a statement', async () => {
    expect(await find('Unused goods may be returned within 14 days of delivery.')).toBeNull();
    expect(await find('Unused goods may be returned within 7 days of delivery.')).not.toBeNull();
  });

  it('says nothing of other subjects, other units, and short remarks', async () => {
    expect(await find('Your new pump carries a battery of 12 cells for the winter season.')).toBeNull();
    expect(await find('A repaired part carries a warranty of 2 years in the EU.')).toBeNull();
    expect(await find('That takes 12 months.')).toBeNull();
    expect(await find('A repaired part carries a warranty of 12 months in the EU.', [])).toBeNull();
  });
});
