import { listWords } from '#lib/domain/list-words.ts';

/**
 * Near duplicates by MinHash and locality-sensitive hashing.
 * @see Broder, On the resemblance and containment of documents, 1997; Leskovec et al., Mining of Massive Datasets, chapter 3
 */

/** 16 bands of 4: a pair of Jaccard similarity 0.8 meets in a band with probability 0.9998, one of 0.5 with 0.64, one of 0.3 with 0.12. */
const BANDS = 16;
const ROWS_PER_BAND = 4;
const SIGNATURE_LENGTH = BANDS * ROWS_PER_BAND;
/** Words that stand together; texts shorter than this are compared by their words. */
const SHINGLE_WORDS = 3;
const EMPTY = 0xffff_ffff;

/** Runs of three words, and the single words of a text that has fewer. */
export function listShingles(text: string): ReadonlySet<string> {
  const words = listWords(text);
  if (words.length < SHINGLE_WORDS) return new Set(words);
  return new Set(
    Array.from({ length: words.length - SHINGLE_WORDS + 1 }, (_, at) => words.slice(at, at + SHINGLE_WORDS).join(' ')),
  );
}

/** FNV-1a, 32 bits. */
function hashText(text: string): number {
  let hash = 0x811c_9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x0100_0193);
  }
  return hash >>> 0;
}

/** Mixes a hash with a seed (the finaliser of MurmurHash3): one family of permutations, the same in every process. */
function permute(hash: number, seed: number): number {
  let mixed = hash ^ Math.imul(seed + 1, 0x9e37_79b9);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** `[64]`, the smallest permuted hash of the shingles each. */
function sign(shingles: ReadonlySet<string>): Uint32Array {
  const signature = new Uint32Array(SIGNATURE_LENGTH).fill(EMPTY);
  for (const shingle of shingles) {
    const hash = hashText(shingle);
    for (let index = 0; index < SIGNATURE_LENGTH; index += 1) {
      const value = permute(hash, index);
      if (value < (signature[index] ?? EMPTY)) signature[index] = value;
    }
  }
  return signature;
}

/** Jaccard index, 0 to 1; two empty sets are equal. */
export function measureJaccard(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const [small, large] = a.size < b.size ? [a, b] : [b, a];
  let shared = 0;
  for (const item of small) if (large.has(item)) shared += 1;
  const total = a.size + b.size - shared;
  return total === 0 ? 1 : shared / total;
}

/** Texts in bands; finds those that are near a given one. Candidates are compared exactly, so nothing far is ever returned. */
export interface NearIndex {
  /** Indices of added texts whose shingles have at least this Jaccard similarity, nearest first. */
  find(text: string, threshold: number): readonly { readonly index: number; readonly similarity: number }[];
  /** @returns the text's index, counted from 0 */
  add(text: string): number;
}

/** A text that thousands repeat is compared with this many of them. */
const MAX_CANDIDATES = 200;

export function createNearIndex(): NearIndex {
  const bands: Map<string, number[]>[] = Array.from({ length: BANDS }, () => new Map());
  const texts: ReadonlySet<string>[] = [];
  const listKeys = (signature: Uint32Array) =>
    bands.map((_, band) => signature.subarray(band * ROWS_PER_BAND, (band + 1) * ROWS_PER_BAND).join(','));
  let latest: { text: string; shingles: ReadonlySet<string>; keys: readonly string[] } | undefined;
  const prepare = (text: string) => {
    if (latest?.text === text) return latest;
    const shingles = listShingles(text);
    latest = { text, shingles, keys: listKeys(sign(shingles)) };
    return latest;
  };
  return {
    find(text, threshold) {
      const { shingles, keys } = prepare(text);
      const candidates = new Set<number>();
      for (const [band, key] of keys.entries()) {
        for (const index of bands[band]?.get(key) ?? []) {
          candidates.add(index);
          if (candidates.size >= MAX_CANDIDATES) break;
        }
      }
      return [...candidates]
        .map((index) => ({ index, similarity: measureJaccard(shingles, texts[index] ?? new Set()) }))
        .filter(({ similarity }) => similarity >= threshold)
        .sort((a, b) => b.similarity - a.similarity || a.index - b.index);
    },
    add(text) {
      const { shingles, keys } = prepare(text);
      const index = texts.push(shingles) - 1;
      for (const [band, key] of keys.entries()) {
        const bucket = bands[band]?.get(key);
        if (bucket) bucket.push(index);
        else bands[band]?.set(key, [index]);
      }
      return index;
    },
  };
}
