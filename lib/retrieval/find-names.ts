/** Hosts and files, such as `example.com` and `setup.exe`; neither decimals nor "e.g.". */
const DOTTED = /(?<![\p{L}\p{N}.@_-])[\p{L}\p{N}][\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)*\.\p{L}[\p{L}\p{N}_-]+/gu;
/** Models and articles: a word that begins with letters and has digits, such as "K40" and "MX-7731"; not "3rd". */
const MIXED = /(?<![\p{L}\p{N}._-])\p{L}[\p{L}-]*\p{N}[\p{L}\p{N}]*(?:-[\p{L}\p{N}]+)*/gu;

/** What a question calls by a name that has no synonym. A passage that answers it has to name it too. */
export function findNames(question: string): string[] {
  const found = [...question.matchAll(DOTTED), ...question.matchAll(MIXED)].map(([name]) => name);
  return [...new Set(found)];
}

/** @returns those that stand in none of the texts, however they are spaced, punctuated and capitalised */
export function findMissingNames(names: readonly string[], texts: readonly string[]): string[] {
  return names.filter((name) => {
    const runs = name.match(/\p{L}+|\p{N}+/gu) ?? [];
    const pattern = new RegExp(`(?<![\\p{L}\\p{N}])${runs.join('[^\\p{L}\\p{N}]*')}(?![\\p{L}\\p{N}])`, 'iu');
    return !texts.some((text) => pattern.test(text));
  });
}
