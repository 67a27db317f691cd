import { findDocumentMention } from '#lib/retrieval/document-mention.ts';
import { findFacts } from './facts.ts';
import { findWords, isContentWord, type Span, stemWord } from './words.ts';

/**
 * Turns a follow-up into a query that stands alone, without a model: what the question leaves out is taken from the
 * questions before it. A weak model's rewrite invents entities; words copied from the user's own questions cannot.
 */

export interface StandaloneQuestion {
  /** For the search: the follow-up's words plus what it leaves out. */
  readonly searchQuery: string;
  /** For the prompt: the follow-up with the earlier question named, or the question itself. */
  readonly promptQuestion: string;
  /** The question and those that it goes on from, newest first: one that names a document to look in speaks for the newer ones. */
  readonly scopeQuestions: readonly string[];
  readonly isRewritten: boolean;
}

/** Earlier questions that a follow-up is led back through. */
const MAX_CHAIN = 4;

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
  'tell explain describe give show list find know need want please much many long often far big old happen mean say make use get work thing according'.split(
    ' ',
  ),
);

/** "In the K40 manual?" and "What does the K40 manual say?": where to look, and not for what. */
const LOOKING =
  /^\s*(?:(?:and|or|but|so)\s+)?(?:(?:what|which|how)\s+(?:does|do|did|about)|in|from|per|according\s+to)\b/i;
const SAYING = new Set('say state mention write tell'.split(' '));

interface Topic {
  readonly written: string;
  readonly stem: string;
  readonly isCode: boolean;
}

const isWithin = (span: Span, outer: Span) => span.start >= outer.start && span.end <= outer.end;

/** @param left stretches that are not read */
function listTopics(question: string, left: readonly Span[] = []): Topic[] {
  const topics: Topic[] = [];
  const facts = findFacts(question);
  const add = (written: string, stem: string, isCode: boolean) => {
    if (!topics.some((topic) => topic.stem === stem)) topics.push({ written, stem, isCode });
  };
  for (const word of findWords(question)) {
    if (left.some((stretch) => isWithin(word, stretch))) continue;
    const fact = facts.find((f) => isWithin(word, f));
    if (fact !== undefined) add(question.slice(fact.start, fact.end), fact.key, fact.kind === 'code');
    else if (isContentWord(word.key) && !ASKING.has(word.key))
      add(question.slice(word.start, word.end), stemWord(word.key), false);
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
  const { phrases } = findDocumentMention(question);
  if (phrases.length > 0 && LOOKING.test(question)) {
    const asked = listTopics(question, phrases).filter(({ stem }) => !SAYING.has(stem));
    if (asked.length === 0) return true;
  }
  // "What does it weigh?" leans; "Is it safe to open the valve cover under pressure?" names its things itself.
  const hasReference = words.some((word) => REFERENCES.has(word.key));
  return hasReference && topics.length <= 4;
}

function listScopeQuestions(question: string, previousQuestions: readonly string[]): string[] {
  const scope = [question];
  for (const previous of previousQuestions.slice(-MAX_CHAIN).toReversed()) {
    const newest = scope.at(-1) ?? '';
    // A question may name its things itself and yet say "in the same manual".
    if (!leansOnHistory(newest) && !findDocumentMention(newest).isPointing) break;
    scope.push(previous);
  }
  return scope;
}

/**
 * @param previousQuestions the user's own earlier questions, oldest first
 */
export function rewriteFollowUp(question: string, previousQuestions: readonly string[]): StandaloneQuestion {
  const alone = { searchQuery: question, promptQuestion: question, isRewritten: false };
  const scopeQuestions = listScopeQuestions(question, previousQuestions);
  if (previousQuestions.length === 0 || !leansOnHistory(question)) return { ...alone, scopeQuestions };
  const mention = findDocumentMention(question);
  const own = listTopics(question);
  const borrowed: Topic[] = [];
  // "What about the MX-20?" after "… of the MX-10?" asks of another thing of the same kind: the earlier code would outweigh it.
  // A code that says where to look is none of these.
  let hasCode = listTopics(question, mention.phrases).some(({ isCode }) => isCode);
  // "And in the K40 manual?" after "in the K35 manual": the words that named the other one would lead there again.
  let hasTurned = mention.phrases.length > 0 || mention.isElsewhere;
  // A chain of follow-ups ("and the lid?", "and in winter?") leads back to the question that names the thing.
  for (const previous of previousQuestions.slice(-MAX_CHAIN).toReversed()) {
    const named = findDocumentMention(previous);
    const topics = listTopics(previous, hasTurned ? named.phrases : []);
    for (const topic of topics) {
      if (topic.isCode && hasCode) continue;
      if (![...own, ...borrowed].some((known) => known.stem === topic.stem)) borrowed.push(topic);
    }
    if (!leansOnHistory(previous)) break;
    hasCode ||= listTopics(previous, named.phrases).some(({ isCode }) => isCode);
    hasTurned ||= named.phrases.length > 0 || named.isElsewhere;
  }
  if (borrowed.length === 0) return { ...alone, scopeQuestions };
  const context = borrowed.map((topic) => topic.written).join(' ');
  return {
    searchQuery: `${question.trim()} ${context}`,
    promptQuestion: `${question.trim()} (about: ${context})`,
    scopeQuestions,
    isRewritten: true,
  };
}
