import { z } from 'zod';
import { collapseSpace } from './read-pdf-pages.ts';

export const demoFolder = new URL('../../db/seeds/demo/', import.meta.url);

const answerableSchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9-]+$/),
  question: z.string().min(8),
  answerable: z.literal(true),
  /** Each string stands verbatim in the passage; any one of them in an answer makes it acceptable. */
  expected: z.array(z.string().min(1)).min(1),
  document: z.string().endsWith('.md'),
  /** Number of the section, such as `3.3`, whose text answers the question. */
  section: z.string().regex(/^\d+(\.\d+)?$/),
  /** Page of the PDF, from 1; null for a document that exists as Markdown only. Written by build-manual.ts. */
  page: z.int().positive().nullable(),
});

const unanswerableSchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9-]+$/),
  question: z.string().min(8),
  answerable: z.literal(false),
  /** Why neither document answers it, although one may look as if it did. */
  why: z.string().min(8),
});

export const questionFileSchema = z.strictObject({
  /** Offered on the empty chat page; each is also one of `questions`. */
  suggested: z.array(z.string()).length(4),
  questions: z.array(z.discriminatedUnion('answerable', [answerableSchema, unanswerableSchema])),
});

export type Question = z.infer<typeof questionFileSchema>['questions'][number];
export type AnswerableQuestion = Extract<Question, { answerable: true }>;

/** Markdown as a reader sees it: no emphasis marks, no table bars, white space collapsed. */
export function plainText(markdown: string): string {
  return collapseSpace(markdown.replaceAll(/\*\*|`|\|/gu, ' '));
}

/** The text from the heading that begins with the section's number to the next heading. */
export function sectionText(markdown: string, section: string): string {
  const parts = markdown.split(/^(?=#{2,3} )/mu);
  const own = parts.find((part) => part.replace(/^#+ /u, '').startsWith(`${section} `));
  if (own === undefined) throw new Error(`There is no section ${section}.`);
  return own;
}

/**
 * The page that answers the question: the first one, from the page of the section's heading on, that holds every expected string.
 * @param pages text of each page, first page at index 0
 * @param markdown the source of those pages
 * @returns page number from 1
 * @throws Error if the section or the answer is on no page
 */
export function findPage(pages: readonly string[], markdown: string, question: AnswerableQuestion): number {
  // The contents list names every section too, so the last page that names it is the section itself.
  const [headingLine = ''] = sectionText(markdown, question.section).split('\n', 1);
  const title = plainText(headingLine.replace(/^#+ /u, ''));
  const heading = pages.findLastIndex((text) => text.includes(title));
  if (heading < 0) throw new Error(`${question.id}: section ${question.section} is on no page.`);
  const index = pages.findIndex(
    (text, at) => at >= heading && question.expected.every((answer) => text.includes(answer)),
  );
  if (index < 0)
    throw new Error(`${question.id}: no page from ${heading + 1} on holds ${JSON.stringify(question.expected)}.`);
  return index + 1;
}
