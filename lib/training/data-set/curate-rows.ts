import { englishDataset, englishRecommendedTransformers, RegExpMatcher } from 'obscenity';
import { detectAll } from 'tinyld';
import type { RowFinding, RowMessage } from '#db/schema/data-sets.ts';
import { listWords } from '#lib/domain/list-words.ts';
import { findInjections } from './find-injections.ts';
import { createNearIndex } from './min-hash.ts';
import { type PersonalDataCounts, personalDataKinds, replacePersonalData } from './replace-personal-data.ts';
import { joinTurns } from './row-content.ts';
import { SAME_TEXT_SIMILARITY } from './split-rows.ts';

/** Steps of curation. Each is a function of rows alone: it finds, and changes nothing but personal data. */

const kindLabels: Readonly<Record<(typeof personalDataKinds)[number], string>> = {
  mail: 'mail address',
  iban: 'IBAN',
  card: 'card number',
  ip: 'IP address',
  phone: 'phone number',
  name: 'name',
};

/** Personal data out of every message; the finding says how much of what there was. */
export function cleanMessages(messages: readonly RowMessage[]): {
  readonly messages: readonly RowMessage[];
  readonly counts: PersonalDataCounts;
  readonly findings: readonly RowFinding[];
} {
  const counts: Partial<Record<(typeof personalDataKinds)[number], number>> = {};
  const cleaned = messages.map(({ role, content }) => {
    const replaced = replacePersonalData(content);
    for (const kind of personalDataKinds) {
      const count = replaced.counts[kind] ?? 0;
      if (count > 0) counts[kind] = (counts[kind] ?? 0) + count;
    }
    return { role, content: replaced.text };
  });
  const parts = personalDataKinds.flatMap((kind) => {
    const count = counts[kind];
    return count === undefined ? [] : `${count} ${kindLabels[kind]}${count === 1 ? '' : 's'}`;
  });
  return {
    messages: cleaned,
    counts,
    findings: parts.length === 0 ? [] : [{ reason: 'personal-data', detail: `${parts.join(', ')} replaced` }],
  };
}

/** Below this many letters a guess at the language is a throw of dice. */
const MIN_LETTERS = 40;
/** tinyld is this sure at least, of 1, and twice as sure of the found language as of the expected one. */
const MIN_CONFIDENCE = 0.1;

/** @param language ISO 639-1; empty: any */
export function findWrongLanguage(messages: readonly RowMessage[], language: string): RowFinding | null {
  if (language === '') return null;
  const text = joinTurns(messages);
  if ((text.match(/\p{L}/gu)?.length ?? 0) < MIN_LETTERS) return null;
  const guesses = detectAll(text);
  const [best] = guesses;
  if (best === undefined || best.lang === language || best.accuracy < MIN_CONFIDENCE) return null;
  const expected = guesses.find(({ lang }) => lang === language)?.accuracy ?? 0;
  if (best.accuracy < 2 * expected) return null;
  return { reason: 'wrong-language', detail: `reads like “${best.lang}”, expected “${language}”` };
}

const offensive = new RegExpMatcher({ ...englishDataset.build(), ...englishRecommendedTransformers });

/**
 * Offensive words by the list of the package obscenity, English, misspellings such as `f*ck` included. What is hateful without a
 * listed word is not found.
 */
export function findToxicity(messages: readonly RowMessage[]): RowFinding | null {
  const isAnswer = messages.some(({ role, content }) => role === 'assistant' && offensive.hasMatch(content));
  if (isAnswer) return { reason: 'toxic', detail: 'an answer has an offensive word' };
  const isQuestion = messages.some(({ role, content }) => role === 'user' && offensive.hasMatch(content));
  return isQuestion ? { reason: 'toxic', detail: 'a question has an offensive word' } : null;
}

export function findInjection(messages: readonly RowMessage[]): RowFinding | null {
  for (const { role, content } of messages) {
    const found = findInjections(content);
    if (found.length > 0) {
      const where = { system: 'the system message', user: 'a question', assistant: 'an answer' }[role];
      return { reason: 'injection', detail: `${where} holds ${found.join(' and ')}` };
    }
  }
  return null;
}

/** What can be said of a row without the others. */
export function inspectRow(messages: readonly RowMessage[], options: { readonly language: string }): RowFinding[] {
  return [findWrongLanguage(messages, options.language), findToxicity(messages), findInjection(messages)].filter(
    (finding) => finding !== null,
  );
}

export function findTooLong(tokenCount: number | null, maxRowTokens: number): RowFinding | null {
  if (tokenCount === null || tokenCount <= maxRowTokens) return null;
  return { reason: 'too-long', detail: `${tokenCount} tokens; a row of this data set has at most ${maxRowTokens}` };
}

export interface ComparableRow {
  readonly id: string;
  readonly messages: readonly RowMessage[];
}

export interface Repetition {
  /** The row that it repeats, the first that came. */
  readonly clusterId: string;
  /** Null: it is that first row. */
  readonly finding: RowFinding | null;
}

/** Words alone, whatever the roles: two rows of the same words are the same. */
const normalise = (messages: readonly RowMessage[]) => listWords(joinTurns(messages)).join(' ');

/**
 * Rows that say what an earlier one said, word for word or nearly.
 * @param rows in the order in which they came; the first of equals stays
 * @param onRow called with the number of rows compared so far; may wait, so that others get a turn
 */
export async function findRepetitions(
  rows: readonly ComparableRow[],
  onRow: (done: number) => Promise<void> = async () => undefined,
): Promise<ReadonlyMap<string, Repetition>> {
  const exact = new Map<string, string>();
  const near = createNearIndex();
  const nearIds: string[] = [];
  const found = new Map<string, Repetition>();
  for (const [done, { id, messages }] of rows.entries()) {
    await onRow(done);
    const text = normalise(messages);
    const same = exact.get(text);
    if (same !== undefined) {
      const clusterId = found.get(same)?.clusterId ?? same;
      found.set(id, { clusterId, finding: { reason: 'duplicate', detail: `repeats row ${same}` } });
      continue;
    }
    exact.set(text, id);
    const [nearest] = near.find(text, SAME_TEXT_SIMILARITY);
    near.add(text);
    nearIds.push(id);
    const nearId = nearest && nearIds[nearest.index];
    if (nearest === undefined || nearId === undefined) continue;
    const clusterId = found.get(nearId)?.clusterId ?? nearId;
    if (!found.has(nearId)) found.set(nearId, { clusterId, finding: null });
    const percent = Math.floor(nearest.similarity * 100);
    found.set(id, { clusterId, finding: { reason: 'near-duplicate', detail: `${percent} % of row ${nearId}` } });
  }
  return found;
}
