import type { DatabaseExecutor } from '#db/executor.ts';
import { listDocumentsNamedIn, listDocumentsWithWords, type NamedDocument } from '#db/repositories/passages.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';
import { type DocumentPhrase, findDocumentMention, isNamedBy, squashWords } from './document-mention.ts';
import { findNames } from './find-names.ts';

/** What fits more documents than this is a kind of document, no name. */
const MAX_DOCUMENTS_NAMED_BY_WORDS = 20;

interface Deps {
  readonly db: DatabaseExecutor;
}

/**
 * Documents that a question asks to look in: by title, by file name, or by words of them ("in the K40 manual"). A follow-up that
 * names none keeps those of the question that it goes on from; one that names another document, or asks to look elsewhere, does not.
 * @param questions the question, then those that it goes on from, newest first
 * @returns empty when the search goes through all documents
 */
export async function findNamedDocuments(
  deps: Deps,
  access: Authorized<Permission>,
  questions: readonly string[],
): Promise<readonly NamedDocument[]> {
  const [question, ...earlier] = questions;
  if (question === undefined) return [];
  const { phrases, isElsewhere, isAboutDocument } = findDocumentMention(question);
  const titled = isAboutDocument ? await findTitled(deps, access, question) : [];
  if (titled.length > 0) return titled;
  if (isElsewhere) return [];
  if (phrases.length === 0) return await keepNamed(deps, access, question, earlier);
  const fitting = await findFitting(deps, access, question, phrases);
  if (fitting.length === 0 || earlier.length === 0) return fitting;
  // "The user manual" after "in the K35 user manual" is that one again.
  const before = await findNamedDocuments(deps, access, earlier);
  const again = fitting.filter(({ id }) => before.some((document) => document.id === id));
  return again.length > 0 ? again : fitting;
}

/** The longest names win: "pump manual 2" is not "pump manual" as well. */
async function findTitled(deps: Deps, access: Authorized<Permission>, question: string): Promise<NamedDocument[]> {
  const found = await listDocumentsNamedIn(deps.db, access, squashWords(question));
  return found.filter(
    ({ title }) =>
      !found.some(
        (other) => other.title !== title && ` ${squashWords(other.title)} `.includes(` ${squashWords(title)} `),
      ),
  );
}

async function findFitting(
  deps: Deps,
  access: Authorized<Permission>,
  question: string,
  phrases: readonly DocumentPhrase[],
): Promise<readonly NamedDocument[]> {
  const candidates = await listDocumentsWithWords(
    deps.db,
    access,
    phrases.map(({ words }) => words),
  );
  const named = phrases.flatMap((phrase) => {
    const fitting = candidates.filter(({ title, fileName }) => isNamedBy(phrase, [title, fileName]));
    // "The K40 manual" is the manual of the K40 and not its list of parts, where there are both.
    const ofKind = fitting.filter(({ title, fileName }) =>
      ` ${squashWords(`${title} ${fileName}`)} `.includes(` ${phrase.noun} `),
    );
    return ofKind.length > 0 ? ofKind : fitting;
  });
  const documents = [...new Map(named.map((document) => [document.id, document])).values()];
  const words = ` ${squashWords(question)} `;
  const whole = documents.filter(({ title }) => words.includes(` ${squashWords(title)} `));
  if (whole.length > 0) return whole;
  return documents.length > MAX_DOCUMENTS_NAMED_BY_WORDS ? [] : documents;
}

/** What a name looks like: "K35" and "K40" are of one kind, "MX-7731" is of another. */
const describeShape = (name: string) => name.toLowerCase().replaceAll(/\p{N}+/gu, '#');

/**
 * The documents of the earlier question, for one that names none. "And of the K40?" after "in the K35 manual" asks to look in the
 * K40's, and if there is none, in all: the K35's will not tell.
 */
async function keepNamed(
  deps: Deps,
  access: Authorized<Permission>,
  question: string,
  earlier: readonly string[],
): Promise<readonly NamedDocument[]> {
  const documents = await findNamedDocuments(deps, access, earlier);
  if (documents.length === 0) return [];
  const titles = documents.map(({ title }) => squashWords(title));
  const known = earlier.flatMap(findNames).filter((name) => titles.some((title) => title.includes(squashWords(name))));
  for (const name of findNames(question)) {
    const replaced = known.find((other) => describeShape(other) === describeShape(name));
    if (replaced === undefined || replaced.toLowerCase() === name.toLowerCase()) continue;
    return await findNamedDocuments(
      deps,
      access,
      earlier.map((each) => each.replaceAll(replaced, name)),
    );
  }
  return documents;
}
