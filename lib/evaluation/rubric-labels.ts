import { z } from 'zod';

/** Answers that people have labelled: what a judge of a rubric is held against. */

/** Fewer labelled answers show no agreement, whatever share of them agrees. */
export const MIN_LABELS = 20;
export const MIN_LABELS_EACH = 5;
export const MAX_LABELS = 200;
/** Cohen's κ that is asked where nobody says otherwise; commonly called substantial. */
export const DEFAULT_AGREEMENT = 0.6;

export const rubricLabelSchema = z.strictObject({
  answer: z.string().trim().min(1).max(2000),
  /** What people said of this answer. */
  isMet: z.boolean(),
});
export type RubricLabel = z.infer<typeof rubricLabelSchema>;

export const rubricLabelsSchema = z
  .array(rubricLabelSchema)
  .min(MIN_LABELS, `${MIN_LABELS} labelled answers are needed to know whether a judge agrees with people`)
  .max(MAX_LABELS)
  .refine(
    (labels) => [true, false].every((value) => labels.filter(({ isMet }) => isMet === value).length >= MIN_LABELS_EACH),
    `at least ${MIN_LABELS_EACH} labelled answers must meet the criterion, and as many must not`,
  );

/** What is missing before a judge can be held against the labels, in words; null: nothing. */
export function findMissingLabels(labels: readonly Pick<RubricLabel, 'isMet'>[]): string | null {
  const met = labels.filter(({ isMet }) => isMet).length;
  const unmet = labels.length - met;
  if (labels.length > MAX_LABELS)
    return `at most ${MAX_LABELS} labelled answers are used, and there are ${labels.length}`;
  if (labels.length >= MIN_LABELS && met >= MIN_LABELS_EACH && unmet >= MIN_LABELS_EACH) return null;
  return `${MIN_LABELS} labelled answers are needed, at least ${MIN_LABELS_EACH} of each kind; there are ${labels.length}: ${met} that meet the criterion and ${unmet} that do not`;
}
