/** `%`, `_` and `\` of a search are letters, not patterns. */
export const escapeLike = (text: string) => text.replaceAll(/[\\%_]/g, String.raw`\$&`);
