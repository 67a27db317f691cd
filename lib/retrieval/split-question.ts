/** Opens a question of its own after "and" or a comma. */
const ASKING =
  'what|which|who|whom|whose|when|where|why|how|is|are|was|were|do|does|did|can|could|may|must|should|will|would|has|have';

/** Between two questions: the end of a sentence, a semicolon, or "and" (with or without a comma) before a word of asking. */
const BORDER = new RegExp(`\\?+\\s+|;\\s+|(?:,\\s*|\\s+)(?:and|or)\\s+(?:also\\s+)?(?=(?:${ASKING})\\b)`, 'giu');

/** Words that carry no subject; a part without others leans on the part before it. */
const EMPTY = new Set(
  `${ASKING.replaceAll('|', ' ')} a an the of to in on at for from by with and or not i my we our you your it its they them their this that these those there long much many often far cost mean say tell need happen`.split(
    ' ',
  ),
);

/** Words of its own that a part needs to be asked alone. */
const MIN_SUBJECT_WORDS = 2;
const MAX_PARTS = 3;

function standsAlone(part: string): boolean {
  const words = part.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  const hasReference = words.some((word) => /^(?:it|its|they|them|their|this|that|these|those|there)$/.test(word));
  return !hasReference && words.filter((word) => !EMPTY.has(word)).length >= MIN_SUBJECT_WORDS;
}

/**
 * The questions that one sentence asks ("How do I clean the lid, and which oil does the rotor need?"), each to be searched for by
 * itself: together their words would favour passages that speak a little of everything.
 * @returns none for a simple question, and where a part would not stand alone ("… and what does it cost?"); else two or three
 */
export function splitQuestion(question: string): string[] {
  const parts = question
    .split(BORDER)
    .map((part) => part.trim())
    .filter((part) => part !== '');
  return parts.length >= 2 && parts.length <= MAX_PARTS && parts.every(standsAlone) ? parts : [];
}
