import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeArchive, makeCrowdedArchive } from '#lib/testing/make-archive.ts';
import { makeDocx, makeEpub, makePdf, makePptx, makeXlsx } from '#lib/testing/make-document.ts';
import {
  ARCHIVE,
  acceptedEndings,
  documentFormats,
  EPUB,
  EXCEL,
  MAIL,
  POWERPOINT,
  SUBTITLES,
  WORD,
} from './formats.ts';
import { detectMediaType } from './media-type.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'lorehouse-types-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function detect(content: string | Uint8Array, fileName: string) {
  const filePath = path.join(directory, 'file');
  await writeFile(filePath, content);
  return detectMediaType(filePath, fileName);
}

const refused = (content: string | Uint8Array, name: string) => detect(content, name).catch((error: unknown) => error);

it('knows packed formats by what is in them, not by their names', async () => {
  const large = { name: 'word/media/large.bin', content: Buffer.from(Array.from({ length: 200_000 }, Math.random)) };
  expect(await detect(makeDocx('', [large]), 'x.zip')).toBe(WORD);
  expect(await detect(makeXlsx([]), 'x.docx')).toBe(EXCEL);
  expect(await detect(makePptx([]), 'x.txt')).toBe(POWERPOINT);
  expect(await detect(makeEpub([]), 'x')).toBe(EPUB);
  expect(await detect(makeArchive([{ name: 'a.txt', content: 'a' }]), 'x.docx')).toBe(ARCHIVE);
  expect(await detect(makeCrowdedArchive(100_000), 'x.zip')).toBe(ARCHIVE);
  expect(await detect(makePdf(['<< >>']), 'x.txt')).toBe('application/pdf');
});

it('knows kinds of text by their names', async () => {
  expect(await detect('# Title', 'a.MD')).toBe('text/markdown');
  expect(await detect('a\tb', 'a.tsv')).toBe('text/csv');
  expect(await detect('1\n00:00:01,000 --> 00:00:02,000\nHi', 'a.srt')).toBe(SUBTITLES);
  expect(await detect('From: a@example.com\nReceived: x\n\nHi', 'a.eml')).toBe(MAIL);
  expect(await detect('<!DOCTYPE html><p>', 'page')).toBe('text/html');
  expect(await detect('words', 'notes.docx')).toBe('text/plain');
});

it('names what it refuses', async () => {
  expect(
    await refused(
      makeArchive([
        { name: 'content.xml', content: '' },
        { name: 'META-INF/manifest.xml', content: '' },
      ]),
      'a.odt',
    ),
  ).toMatchObject({ userMessage: expect.stringContaining('OpenDocument') });
  expect(await refused(Buffer.from('d0cf11e0a1b11ae1'.padEnd(1024, '0'), 'hex'), 'a.docx')).toMatchObject({
    userMessage: expect.stringContaining('password'),
  });
  expect(await refused('PK\u0003\u0004 cut off', 'a.docx')).toMatchObject({ code: 'document.unreadable' });
  expect(await refused('GIF89a\u0001\u0000\u0001\u0000', 'a.pdf')).toMatchObject({
    code: 'document.unsupported',
    userMessage: expect.stringMatching(/^GIF files are not read\. Supported are PDF, Word, PowerPoint, Excel/),
  });
  expect(await refused('MZ\u0000\u0001', 'tool.exe')).toMatchObject({
    userMessage: expect.stringMatching(/^EXE files are not read\. /),
  });
  expect(await refused('\u0001\u0002\u0003', 'a.txt')).toMatchObject({
    userMessage: expect.stringMatching(/^This is a binary file of an unknown kind\. /),
  });
});

it('offers the ending of every format, once', () => {
  const endings = acceptedEndings.split(',');
  expect(new Set(endings).size).toBe(endings.length);
  for (const format of documentFormats) for (const ending of format.endings) expect(endings).toContain(`.${ending}`);
  expect(endings).toContain('.zip');
});
