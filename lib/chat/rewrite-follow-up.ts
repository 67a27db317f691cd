import { findFacts } from './facts.ts';
import { findWords, isContentWord, stemWord } from './words.ts';

/**
 * Turns a follow-up into a query that stands alone, without a model: what the question leaves out is taken from the
 * questions before it. A weak model's rewrite invents entities; words copied from the user's own questions cannot.
 */

export interface StandaloneQuestion {
  /** For the search: the follow-up's words plus what it leaves out. */
  readonly searchQuery: string;
  /** For the prompt: the follow-up with the earlier question named, or the question itself. */
  readonly promptQuestion: string;
  readonly isRewritten: boolean;
}

/** Words that stand for something said before. */
const REFERENCES = new Set(
  'it its they them their theirs he him his she her hers that those these this there one ones same'.split(' '),
);

const CONTINUATION =
  /^\s*(?:and|or|but|also|then|so|what about|how about|and if|what if|why not|why|how so|how come)\b/i;

/** Questions with fewer content words leave something out ("How long?", "In winter?"). */
const MIN_CONTENT_WORDS = 2;

/** Words of asking; they name nothing. */
const ASKING = new Set(
  'tell explain describe give show list find know need want please much many long often far big old happen mean say make use get work thing'.split(
    ' ',
  ),
);

function listTopics(question: string): { readonly written: string; readonly stem: string }[] {
  const topics: { written: string; stem: string }[] = [];
  const facts = findFacts(question);
  const add = (written: string, stem: string) => {
    if (!topics.some((topic) => topic.stem === stem)) topics.push({ written, stem });
  };
  for (const word of findWords(question)) {
    const fact = facts.find((f) => f.start <= word.start && f.end >= word.end);
    if (fact !== undefined) add(question.slice(fact.start, fact.end), fact.key);
    else if (isContentWord(word.key) && !ASKING.has(word.key))
      add(question.slice(word.start, word.end), stemWord(word.key));
  }
  return topics;
}

/** Whether the question leans on what was said before. */
export function leansOnHistory(question: string): boolean {
  const words = findWords(question);
  if (words.length === 0) return false;
  if (CONTINUATION.test(question)) return true;
  const topics = listTopics(question);
  if (topics.length < MIN_CONTENT_WORDS) return true;
  // "What does it weigh?" leans; "Is it safe to open the valve cover under pressure?" names its things itself.
  const hasReference = words.some((word) => REFERENCES.has(word.key));
  return hasReference && topics.length <= 4;
}

/**
 * @param previousQuestions the user's own earlier questions, oldest first
 */
export function rewriteFollowUp(question: string, previousQuestions: readonly string[]): StandaloneQuestion {
  const unchanged = { searchQuery: question, promptQuestion: question, isRewritten: false };
  if (previousQuestions.length === 0 || !leansOnHistory(question)) return unchanged;
  const own = listTopics(question);
  const borrowed: { written: string; stem: string }[] = [];
  let named: string | undefined;
  // A chain of follow-ups ("and the lid?", "and in winter?") leads back to the question that names the thing.
  for (const previous of previousQuestions.slice(-4).toReversed()) {
    named ??= previous;
    for (const topic of listTopics(previous)) {
      if (![...own, ...borrowed].some((known) => known.stem === topic.stem)) borrowed.push(topic);
    }
    if (!leansOnHistory(previous)) break;
    named = previous;
  }
  if (borrowed.length === 0 || named === undefined) return unchanged;
  // "What about the MX-20?" after "… of the MX-10?" asks of another thing of the same kind: the earlier code would outweigh it.
  const ownCodes = findFacts(question).filter((fact) => fact.kind === 'code');
  const kept =
    ownCodes.length === 0
      ? borrowed
      : borrowed.filter((topic) => !findFacts(topic.written).some((fact) => fact.kind === 'code'));
  if (kept.length === 0) return unchanged;
  const context = kept.map((topic) => topic.written).join(' ');
  return {
    searchQuery: `${question.trim()} ${context}`,
    promptQuestion: `${question.trim()} (about: ${context})`,
    isRewritten: true,
  };
}
