import { z } from 'zod';
import type { RowMessage } from '#db/schema/data-sets.ts';
import { AppError } from '#lib/domain/errors.ts';
import { importSettingsSchema } from './import-settings.ts';
import type { Candidate, OpenRowSource } from './perform-import.ts';

const line = z.string().trim().min(1).max(300);

/** How the assistant speaks. */
export const styleSheetSchema = z.object({
  do: z.array(line).max(20),
  dont: z.array(line).max(20),
  /** Exchanges that sound right. */
  samples: z
    .array(z.object({ question: z.string().trim().min(1).max(2000), answer: z.string().trim().min(1).max(4000) }))
    .max(200),
});
export type StyleSheet = z.infer<typeof styleSheetSchema>;

export const emptyStyleSheet: StyleSheet = { do: [], dont: [], samples: [] };

const asSentence = (text: string) => (/[.!?]$/.test(text) ? text : `${text}.`);

/** The sheet as instructions: what the workspace's system prompt says. Empty for a sheet without rules. */
export function writeStyleInstructions({ do: wanted, dont: unwanted }: Pick<StyleSheet, 'do' | 'dont'>): string {
  const lines = [...wanted.map((rule) => asSentence(rule)), ...unwanted.map((rule) => `Do not: ${asSentence(rule)}`)];
  return lines.length === 0 ? '' : `Style:\n${lines.map((text) => `- ${text}`).join('\n')}`;
}

/**
 * Workspace instructions with the sheet in them: a sheet that stands there already gives way, the rest stays.
 */
export function mergeInstructions(instructions: string, sheet: Pick<StyleSheet, 'do' | 'dont'>): string {
  const rest = instructions.replace(/(?:^|\n)Style:\n(?:- [^\n]*(?:\n|$))*/, '\n').trim();
  return [rest, writeStyleInstructions(sheet)].filter((part) => part !== '').join('\n\n');
}

/** Rows from a sheet: each sample under the sheet's rules, as the product will ask with them. */
export function writeStyleRows(sheet: StyleSheet): readonly (readonly RowMessage[])[] {
  const instructions = writeStyleInstructions(sheet);
  return sheet.samples.map(({ question, answer }) => [
    ...(instructions === '' ? [] : [{ role: 'system' as const, content: instructions }]),
    { role: 'user', content: question },
    { role: 'assistant', content: answer },
  ]);
}

/** Rows of the data set's style sheet. @throws AppError `dataset.no-style` */
export const openStyleSource: OpenRowSource = async (_access, { import: intake, dataSet }) => {
  importSettingsSchema.parse(intake.settings);
  const rows = writeStyleRows(styleSheetSchema.parse(dataSet.styleSheet ?? emptyStyleSheet));
  if (rows.length === 0) {
    throw new AppError({
      code: 'dataset.no-style',
      message: 'the style sheet has no sample',
      userMessage: 'The style sheet has no sample exchange yet; rules alone make no rows. Write a few samples.',
    });
  }
  return {
    stage: 'reading',
    total: rows.length,
    async *read(position): AsyncGenerator<Candidate> {
      for (const [index, messages] of rows.entries()) {
        if (index >= position) yield { kind: 'row', position: index + 1, messages, intent: 'style', origin: {} };
      }
    },
  };
};
