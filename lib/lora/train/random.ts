/**
 * Repeatable random numbers in [0, 1): Mulberry32, a 32-bit generator. Streams are named by numbers (seed, step, purpose),
 * so a resumed run draws what the uninterrupted one would have drawn, without any state to save.
 */
export function createRandom(...streamName: readonly number[]): () => number {
  // FNV-1a over the words of the name spreads neighbouring names apart.
  let state = 2_166_136_261;
  for (const word of streamName)
    for (let shift = 0; shift < 32; shift += 8) state = Math.imul(state ^ ((word >>> shift) & 255), 16_777_619);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Fisher–Yates, in place. */
export function shuffle<T>(items: T[], random: () => number): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const [a, b] = [items[i], items[j]];
    if (a !== undefined && b !== undefined) {
      items[i] = b;
      items[j] = a;
    }
  }
  return items;
}

/** Normally distributed with mean 0 and variance 1 (Box and Muller, 1958). */
export function drawNormal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
