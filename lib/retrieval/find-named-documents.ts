import type { DatabaseExecutor } from '#db/executor.ts';
import { listDocumentsNamedIn, type NamedDocument } from '#db/repositories/passages.ts';
import type { Authorized } from '#lib/domain/access.ts';
import type { Permission } from '#lib/domain/actor.ts';

/**
 * Only a question that speaks of a document as a document is narrowed to it: "the warranty of the Model 7" must not be looked for
 * in "Model 7.pdf" alone.
 */
const MENTION =
  /\b(?:in|from|per|see|within|inside|according to|does|of)\s+(?:the\s+|our\s+)?(?:document|file|manual|guide|handbook|policy|report|pdf|page)\b|\b(?:document|file|manual|guide|handbook|policy|report|pdf|page)\s+(?:says?|states?|called|named|titled|about)\b|\b(?:in|from|per|see|within|inside|according to)\s+(?:the\s+|our\s+)?["“„«'‘]|\baccording to\b|\w\.(?:pdf|docx?|pptx?|xlsx?|csv|epub|html?|md|txt|srt|eml)\b/iu;

/** Words with single spaces between. */
const squash = (text: string) =>
  text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();

/**
 * Documents that a question asks to look in, by title or file name. The longest names win: "pump manual 2" is not "pump manual" as well.
 * @returns empty when the question names none
 */
export async function findNamedDocuments(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<Permission>,
  question: string,
): Promise<NamedDocument[]> {
  if (!MENTION.test(question)) return [];
  const found = await listDocumentsNamedIn(deps.db, access, squash(question));
  return found.filter(
    ({ title }) =>
      !found.some((other) => other.title !== title && ` ${squash(other.title)} `.includes(` ${squash(title)} `)),
  );
}
