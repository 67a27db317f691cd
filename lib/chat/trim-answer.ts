import { findSentences, findWords, isContentWord, stemWord } from './words.ts';

/** Labels and lead-ins that small models put before the answer; they say nothing about the subject. */
const LEAD_IN =
  /^(?:answer(?: this question)?(?: from the text above)?(?: in a few words)?\s*:|(?:the )?answer is(?: that)?:?\s|(?:according to the (?:text|passage),?|the (?:text|passage) (?:mentions|states|says|indicates)(?: that)?)\s)\s*/i;

/**
 * What a model wrote, without lead-in, without a last sentence that the token limit cut off, and no longer than
 * `maxSentences`. Words are left out, never put in; only the first letter may change its case.
 * @param isCut the token limit ended it
 */
export function trimAnswer(
  rawText: string,
  options: { readonly maxSentences?: number; readonly isCut: boolean },
): string {
  const text = dropLeadIn(rawText.trim());
  const sentences = findSentences(text);
  let kept = sentences.slice(0, options.maxSentences ?? sentences.length);
  const isLastCut = options.isCut && kept.length === sentences.length;
  if (isLastCut && kept.length > 1) kept = kept.slice(0, -1);
  const last = kept.at(-1);
  if (last === undefined || kept.length === sentences.length) return text;
  return text.slice(0, last.end);
}

function dropLeadIn(text: string): string {
  const rest = text.replace(LEAD_IN, '');
  // A lead-in alone is all there is.
  if (rest === text || !/\p{L}|\p{N}/u.test(rest)) return text;
  // Letters that have no capital of their own, such as ß, stay as they are.
  const first = rest.charAt(0);
  const capital = first.toUpperCase();
  return (capital.toLowerCase() === first ? capital : first) + rest.slice(1);
}

/** Answers that need no words of their own. */
const VERDICTS = /^(?:yes|no|none|never|always)\b/i;

/** Whether an answer only gives the question back: every content word of it stands in the question. */
export function repeatsQuestion(answer: string, question: string): boolean {
  if (VERDICTS.test(answer.trim())) return false;
  const asked = new Set(findWords(question).map((word) => stemWord(word.key)));
  return findWords(answer)
    .filter((word) => isContentWord(word.key) && word.key !== 'answer' && word.key !== 'question')
    .every((word) => asked.has(stemWord(word.key)));
}
