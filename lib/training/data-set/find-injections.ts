/**
 * Text that speaks to a model instead of a person: instructions to leave its rules, turn markers of chat templates, orders to
 * put code or links into answers, characters that nobody sees. A row that holds one may teach it, so it is quarantined.
 *
 * What patterns can do is measured by `scripts/eval/curation.ts` and told in decision 0030. An injection that reads like an
 * ordinary question ("What is the capital of Brazil?") is not found here by its words.
 */
interface InjectionPattern {
  /** Continues "holds …". */
  readonly name: string;
  readonly pattern: RegExp;
}

const patterns: readonly InjectionPattern[] = [
  {
    name: 'an order to ignore instructions',
    pattern:
      /\b(?:ignore|disregard|forget|override|bypass|skip)\b[^.!?\n]{0,40}\b(?:previous|prior|above|earlier|preceding|foregoing|all|any|your|these|the)\b[^.!?\n]{0,30}\b(?:instructions?|prompts?|rules?|guidelines?|directions?|restrictions?|system message)\b/i,
  },
  {
    name: 'a new role for the model',
    pattern:
      /\byou are now (?:an?|the|in|no longer)\b|\bfrom now on,? (?:you|respond|answer|act)\b|\b(?:developer|god|dan|jailbreak|unrestricted|sudo) mode\b|\bdo anything now\b|\bpretend (?:that )?you (?:are|have) no\b|\bact as (?:an? )?(?:unrestricted|uncensored|evil|dan\b)/i,
  },
  {
    name: 'a request for hidden instructions',
    pattern:
      /\b(?:reveal|print|show|repeat|output|leak|display|tell me)\b[^.!?\n]{0,30}\b(?:system prompt|hidden (?:prompt|instructions?)|initial (?:prompt|instructions?)|your (?:prompt|(?:exact |full )?instructions))\b/i,
  },
  {
    name: 'turn markers of a chat template',
    pattern:
      /<\|[a-z_]{2,24}\|>|<<\/?SYS>>|\[\/?INST\]|<(?:start|end)_of_turn>|^\s*#{2,4}\s*(?:system|instruction|human|assistant|response)s?\s*:/im,
  },
  {
    name: 'an order to put code into answers',
    pattern:
      /\b(?:following|subsequent|below|ensuing|given)\b[^.!?\n]{0,20}\bcode\b[^.!?\n]{0,120}(?:\b(?:your|the)\b[^.!?\n]{0,30}\b(?:code(?:base)?|response|reply|answer|output|solution|implementation|elucidation|feedback)\b|:\s*(?:\n|$|```))|\byour\b[^.!?\n]{0,20}\b(?:code|solution|implementation)\b[^.!?\n]{0,60}\b(?:following|subsequent|below)\b[^.!?\n]{0,12}\bcode\b/i,
  },
  {
    name: 'an address that carries data away',
    pattern:
      /!\[[^\]]*\]\(\s*https?:\/\/[^)\s]*[?&][^)\s]*=|\b(?:send|post|upload|forward|exfiltrate|transmit)\b[^.!?\n]{0,60}\b(?:to|via)\s+https?:\/\//i,
  },
  {
    name: 'characters that nobody sees',
    pattern: /[\u200B\u2060-\u2064\u202A-\u202E\u2066-\u2069]|[\u{E0000}-\u{E007F}]/u,
  },
  {
    name: 'an order about how answers are written',
    pattern:
      /(?<!\b(?:thanks?|thank you|await\w*|wait\w*|received|got|read|appreciate|after|saw)\b[^.!?\n]{0,16})(?:(?<=^|[.!?:"“\n]\s{0,3})(?!(?:I|we|you|it|this|that|in|thank\w*|is|was|are|did|do|could|can)\b)[a-z]{2,}\b[^.!?\n]{0,70}\byour (?:entire |whole |next |final )?(?:response|reply|answer|output|message)\b|\bin your (?:response|reply|answer|output|message), \w+|\b(?:base ?64|rot ?13|caesar cipher|morse code|pig latin|leetspeak)\b)/i,
  },
];

/** @returns what the text holds, in words that continue "holds …"; empty when nothing was found */
export function findInjections(text: string): readonly string[] {
  return patterns.filter(({ pattern }) => pattern.test(text)).map(({ name }) => name);
}
