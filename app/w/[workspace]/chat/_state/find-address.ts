/** What may follow an address inside one, so that a piece of a longer address is not taken for it. */
const GOES_ON = /^(?:[\p{L}\p{N}/?#=&%_@~+-]|[.:,](?=[\p{L}\p{N}]))/u;
/** What may stand before an address inside a longer one. */
const COMES_FROM = /[\p{L}\p{N}.@_-]$/u;

/**
 * Whether an address stands in one of the texts, whole, with or without its scheme. A model can put together any address, with
 * what it has read in its query, and a document can ask it to: only what a source holds is offered as a link.
 */
export function standsInTexts(address: string, texts: readonly string[]): boolean {
  const bare = address.replace(/^(?:https?:\/\/|mailto:)/i, '').replace(/\/$/, '');
  if (bare === '') return false;
  return texts.some((text) => {
    for (let at = text.indexOf(bare); at !== -1; at = text.indexOf(bare, at + 1)) {
      const before = text.slice(Math.max(0, at - 2), at);
      const after = text.slice(at + bare.length).replace(/^\/(?![\p{L}\p{N}?#])/u, '');
      if (!COMES_FROM.test(before) && !GOES_ON.test(after)) return true;
    }
    return false;
  });
}
