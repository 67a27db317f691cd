import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readCollection } from './read-collection.ts';

function writeFolder(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'lorehouse-beir-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), content);
  }
  return folder;
}

const CORPUS = [
  '\uFEFF{"_id": 1, "title": null, "text": "The pump needs oil."}',
  '{"_id": "two", "text": "Valves open at 3 bar.", "metadata": {"year": 2019}}',
  '{"_id": "a/b.md", "title": "Only a title", "text": ""}',
  '{"_id": "nothing", "title": "", "text": " "}',
  '',
].join('\r\n');
const QUERIES = '{"_id": 7, "text": "oil?"}\r\n{"_id": "q8", "text": "bar?"}\r\n{"_id": "unjudged", "text": "?"}\r\n';

describe('readCollection', () => {
  it('takes ids that are numbers, rows without a title or a text, and lines that end as on Windows', () => {
    const folder = writeFolder({
      'corpus.jsonl': CORPUS,
      'queries.jsonl': QUERIES,
      'qrels/test.tsv': 'query-id\tcorpus-id\tscore\r\n7\t1\t2\r\n7\ttwo\t1\r\nq8\ttwo\t-1\r\nq8\t1\t0\r\n',
    });
    expect(readCollection(folder)).toEqual({
      documents: [
        { id: '1', title: '', text: 'The pump needs oil.' },
        { id: 'two', title: '', text: 'Valves open at 3 bar.' },
        { id: 'a/b.md', title: 'Only a title', text: 'Only a title' },
      ],
      queries: [
        { id: '7', title: '', text: 'oil?' },
        { id: 'q8', title: '', text: 'bar?' },
      ],
      judgements: new Map([
        [
          '7',
          new Map([
            ['1', 2],
            ['two', 1],
          ]),
        ],
        [
          'q8',
          new Map([
            ['two', 0],
            ['1', 0],
          ]),
        ],
      ]),
      emptyDocuments: 1,
    });
  });

  it('takes the split that there is, without a heading, in the columns of TREC too', () => {
    const folder = writeFolder({
      'corpus.jsonl': CORPUS,
      'queries.jsonl': QUERIES,
      'qrels/dev.tsv': '7 0 1 2\nq8 Q0 two 1\n',
      'qrels/train.tsv': '7\t1\t1\n',
    });
    expect(readCollection(folder).judgements).toEqual(
      new Map([
        ['7', new Map([['1', 2]])],
        ['q8', new Map([['two', 1]])],
      ]),
    );
    expect(readCollection(folder, 'train').judgements).toEqual(new Map([['7', new Map([['1', 1]])]]));
  });

  it('names what it cannot read', () => {
    const whole = { 'corpus.jsonl': CORPUS, 'queries.jsonl': QUERIES, 'qrels/test.tsv': '7\t1\t1\n' };
    expect(() =>
      readCollection(writeFolder({ ...whole, 'corpus.jsonl': '{"_id": "a", "text": "x"}\n{"text":' })),
    ).toThrow('corpus.jsonl, line 2');
    expect(() => readCollection(writeFolder({ ...whole, 'qrels/test.tsv': '7\t1\t1\n7\tmuch\n' }))).toThrow(
      'qrels/test.tsv, line 2',
    );
    expect(() => readCollection(writeFolder({ ...whole, 'qrels/test.tsv': 'other\t1\t1\n' }))).toThrow('no query');
    expect(() => readCollection(writeFolder(whole), 'dev')).toThrow('expected dev.tsv, found test.tsv');
  });
});
