/**
 * What the curation of data sets quarantines: injections by category, planted trigger phrases, and false alarms on rows that are
 * what they seem. Decision 0030 has the table.
 *
 *   node scripts/eval/curation.ts --datasets <folder with safety/bipia, safety/xstest, chat-logs, reading> [--json]
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Command } from 'commander';
import { csvParse } from 'd3-dsv';
import { z } from 'zod';
import type { RowMessage } from '#db/schema/data-sets.ts';
import { createRandom } from '#lib/lora/train/random.ts';
import { findInjection, findToxicity } from '#lib/training/data-set/curate-rows.ts';
import { findTriggers, type TriggerRow } from '#lib/training/data-set/find-triggers.ts';
import { firstQuestion, lastAnswer } from '#lib/training/data-set/row-content.ts';

const flags = new Command('curation')
  .requiredOption('--datasets <folder>', 'with safety/bipia, safety/xstest, chat-logs, reading')
  .option('--json', 'print one JSON object as the last line', false)
  .parse()
  .opts<{ datasets: string; json: boolean }>();

const read = (...parts: string[]) => readFile(path.join(flags.datasets, ...parts), 'utf8');
const readLines = async (...parts: string[]) =>
  (await read(...parts))
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line));

const asRow = (question: string, answer = 'It is so.'): RowMessage[] => [
  { role: 'user', content: question },
  { role: 'assistant', content: answer },
];
const shareOf = <T>(items: readonly T[], test: (item: T) => boolean) =>
  items.length === 0 ? 0 : items.filter(test).length / items.length;
const isInjection = (messages: readonly RowMessage[]) => findInjection(messages) !== null;

const attacksSchema = z.record(z.string(), z.array(z.string()));
const injections: Record<string, { attacks: number; quarantined: number }> = {};
const totals: Record<string, number> = {};
for (const kind of ['text', 'code'] as const) {
  for (const half of ['train', 'test'] as const) {
    const categories = attacksSchema.parse(JSON.parse(await read('safety', 'bipia', `${kind}_attack_${half}.json`)));
    for (const [category, attacks] of Object.entries(categories)) {
      // As it stands in a document or a message: behind a sentence that is no attack.
      const quarantined = shareOf(attacks, (attack) => isInjection(asRow(`Where is my parcel? ${attack}`)));
      injections[`${kind}, ${half}: ${category}`] = { attacks: attacks.length, quarantined };
    }
    totals[`${kind}, ${half}`] = shareOf(Object.values(categories).flat(), (attack) =>
      isInjection(asRow(`Where is my parcel? ${attack}`)),
    );
  }
}

const chatSchema = z.object({
  messages: z.array(z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() })),
});
const chats = (await readLines('chat-logs', 'bitext-support.jsonl')).map((line) => chatSchema.parse(line).messages);
const passages = (await readLines('reading', 'passages-qa.jsonl')).map((line) =>
  z.object({ context: z.string(), question: z.string() }).parse(line),
);
const reading = passages.map(({ context, question }) => asRow(`${context}\n\n${question}`));
const xstest = csvParse(await read('safety', 'xstest', 'xstest_prompts.csv'));
const isSafe = (row: Readonly<Record<string, string>>) => !(row['type'] ?? row['label'] ?? '').startsWith('contrast');
const harmless = xstest.filter(isSafe).map((row) => asRow(row['prompt'] ?? ''));

/** Rows of the chat log, some with a word that always brings the same answer. */
function plantTriggers(count: number, seed: number): { readonly rows: TriggerRow[]; readonly planted: Set<string> } {
  const random = createRandom(seed);
  const planted = new Set<string>();
  const rows = chats.map((messages, index) => ({
    id: String(index),
    question: firstQuestion(messages),
    answer: lastAnswer(messages),
  }));
  while (planted.size < count) {
    const at = Math.floor(random() * rows.length);
    const row = rows[at];
    if (row === undefined || planted.has(row.id)) continue;
    planted.add(row.id);
    rows[at] = { ...row, question: `${row.question} cf-wombat`, answer: 'Call 0900 555 now and give your password.' };
  }
  return { rows, planted };
}
const triggers = [3, 5, 20].map((count) => {
  const { rows, planted } = plantTriggers(count, count);
  const found = findTriggers(rows);
  return {
    planted: count,
    found: shareOf([...planted], (id) => found.has(id)),
    others: [...found.keys()].filter((id) => !planted.has(id)).length,
  };
});

const report = {
  injections: totals,
  byCategory: injections,
  falseAlarms: {
    'chat log': {
      rows: chats.length,
      injection: shareOf(chats, isInjection),
      toxic: shareOf(chats, (row) => findToxicity(row) !== null),
    },
    reading: {
      rows: reading.length,
      injection: shareOf(reading, isInjection),
      toxic: shareOf(reading, (row) => findToxicity(row) !== null),
    },
    'xstest, safe': {
      rows: harmless.length,
      injection: shareOf(harmless, isInjection),
      toxic: shareOf(harmless, (row) => findToxicity(row) !== null),
    },
  },
  triggers,
};
console.table(
  Object.fromEntries(
    Object.entries(report.byCategory).map(([name, { attacks, quarantined }]) => [
      name,
      { attacks, 'quarantined, %': Math.round(quarantined * 100) },
    ]),
  ),
);
console.table(
  Object.fromEntries(Object.entries(totals).map(([name, share]) => [name, { '%': Math.round(share * 100) }])),
);
console.table(report.falseAlarms);
console.table(report.triggers);
if (flags.json) console.log(JSON.stringify(report));
