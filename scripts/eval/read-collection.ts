import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';

export interface CollectionText {
  readonly id: string;
  /** Empty: it has none. */
  readonly title: string;
  readonly text: string;
}

export interface Collection {
  readonly documents: readonly CollectionText[];
  /** Those with judgements, in the file's order. */
  readonly queries: readonly CollectionText[];
  /** By query, then by document: grades from 0. */
  readonly judgements: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** Documents without any text, which were left out. */
  readonly emptyDocuments: number;
}

/** The split that papers report comes first. */
const SPLITS = ['test', 'dev', 'train'];

/** BEIR calls the key `_id`. Some collections number their rows, and give null where there is no title. */
const rowSchema = z
  .object({ _id: z.union([z.string(), z.number()]), title: z.string().nullish(), text: z.string().nullish() })
  .transform(({ _id: id, title, text }) => ({ id: String(id), title: title?.trim() ?? '', text: text ?? '' }));

/**
 * Read a collection in BEIR's layout: corpus.jsonl, queries.jsonl, and judgements as qrels/SPLIT.tsv (query, document, grade; with
 * or without a heading, also with TREC's second column).
 * @param split default: test, else dev, else train
 * @throws Error that names file and line of what cannot be read
 */
export function readCollection(folder: string, split?: string): Collection {
  const judgements = readJudgements(folder, split);
  const rows = readRows(folder, 'corpus.jsonl').map((row) => ({
    ...row,
    text: row.text.trim() === '' ? row.title : row.text,
  }));
  const documents = rows.filter((row) => row.text.trim() !== '');
  const queries = readRows(folder, 'queries.jsonl').filter((row) => judgements.has(row.id));
  if (queries.length === 0) throw new Error(`${folder}: no query of queries.jsonl has a judgement`);
  return { documents, queries, judgements, emptyDocuments: rows.length - documents.length };
}

function readRows(folder: string, file: string): CollectionText[] {
  return readLines(path.join(folder, file)).map(({ line, number }) => {
    try {
      return rowSchema.parse(JSON.parse(line));
    } catch (error) {
      throw new Error(`${file}, line ${number}: expected a JSON object with _id and text`, { cause: error });
    }
  });
}

function readJudgements(folder: string, split: string | undefined): Map<string, Map<string, number>> {
  const qrels = path.join(folder, 'qrels');
  const name = split ?? SPLITS.find((each) => existsSync(path.join(qrels, `${each}.tsv`)));
  const file = path.join(qrels, `${name}.tsv`);
  if (name === undefined || !existsSync(file)) {
    const found = existsSync(qrels) ? readdirSync(qrels).join(', ') : 'no such folder';
    throw new Error(`${qrels}: expected ${name ?? SPLITS.join('.tsv, ')}.tsv, found ${found}`);
  }
  const judgements = new Map<string, Map<string, number>>();
  for (const { line, number } of readLines(file)) {
    const fields = line.split(line.includes('\t') ? '\t' : /\s+/).map((field) => field.trim());
    const grade = Number(fields.at(-1));
    if (fields.length < 3 || Number.isNaN(grade)) {
      if (number === 1) continue;
      throw new Error(
        `qrels/${name}.tsv, line ${number}: expected query, document and grade, got ${JSON.stringify(line)}`,
      );
    }
    const [query = ''] = fields;
    const document = fields.at(-2) ?? '';
    // Below zero means worse than irrelevant, which no measure here knows.
    judgements.set(query, (judgements.get(query) ?? new Map<string, number>()).set(document, Math.max(0, grade)));
  }
  return judgements;
}

function readLines(file: string): { readonly line: string; readonly number: number }[] {
  return readFileSync(file, 'utf8')
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line, index) => ({ line, number: index + 1 }))
    .filter(({ line }) => line.trim() !== '');
}
