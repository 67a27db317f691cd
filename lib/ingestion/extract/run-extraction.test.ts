import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ArchiveFile, makeArchive, makeCrowdedArchive } from '#lib/testing/make-archive.ts';
import { makeDocx, makePagedPdf, makePdfStream } from '#lib/testing/make-document.ts';
import { type MediaType, WORD } from '../formats.ts';
import {
  chooseExtractionLimits,
  defaultExtractionLimits,
  type ExtractionLimits,
  runExtraction,
} from './run-extraction.ts';
import { defaultUnpackLimits, type UnpackLimits, unpackArchive } from './unpack-archive.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'lorehouse-hostile-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function store(content: string | Uint8Array): Promise<string> {
  const filePath = path.join(directory, 'file');
  await writeFile(filePath, content);
  return filePath;
}

async function extract(content: string | Uint8Array, mediaType: MediaType, limits: Partial<ExtractionLimits> = {}) {
  return runExtraction(await store(content), mediaType, {
    signal: new AbortController().signal,
    limits: { ...defaultExtractionLimits, ...limits },
  });
}

async function unpack(archive: Uint8Array, limits: Partial<UnpackLimits> = {}) {
  const files: Record<string, string> = {};
  const signal = new AbortController().signal;
  const read = async () => {
    const source = unpackArchive(await store(archive), { signal, limits: { ...defaultUnpackLimits, ...limits } });
    for await (const { name, content } of source) {
      try {
        const parts: Uint8Array[] = [];
        for await (const part of content) parts.push(part);
        files[name] = Buffer.concat(parts).toString();
      } catch (error) {
        files[name] =
          `! ${error instanceof Error && 'userMessage' in error ? String(error.userMessage) : String(error)}`;
      }
    }
    return null;
  };
  const error: unknown = await read().catch((caught: unknown) => caught);
  return { files, error };
}

const BOMB_BYTES = 16_000_000;
/** A thousandth of its size when packed. */
const bomb = (name: string): ArchiveFile => ({ name, content: Buffer.alloc(BOMB_BYTES, ' ') });
const tooComplex = (cause: string) => ({ code: 'document.too-complex', details: { cause } });

it('hands on what the process found wrong with a file', async () => {
  const file = makeDocx('', [bomb('word/media/image1.xml')]);
  expect(file.length).toBeLessThan(BOMB_BYTES / 500);
  await expect(extract(file, WORD)).rejects.toMatchObject(tooComplex('compression-ratio'));
});

it('recognises a PDF of pictures', async () => {
  const picture = makePdfStream(Buffer.from('q 612 0 0 792 0 0 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \u0000 EI Q'));
  await expect(extract(makePagedPdf(picture), 'application/pdf')).rejects.toMatchObject({
    code: 'document.no-text',
    userMessage: expect.stringContaining('OCR'),
  });
});

it('reads the text of a scanned page, and says that it was recognised', async () => {
  const scanned = await readFile(path.join(import.meta.dirname, '../../testing/scanned-page.pdf'));
  const [page] = await extract(scanned, 'application/pdf');
  expect(page).toMatchObject({ pageNumber: 1, isRecognised: true });
  expect(page?.isPicture).toBeUndefined();
  expect(page?.text).toContain('Error E-42 means that the inlet is blocked.');
  expect(page?.text).toContain('MX-7023');
  expect(page?.headings).toMatchObject([{ offset: 0, title: '7 Error codes of the pump P-9' }]);
});

it('leaves a scanned page a picture where recognition is switched off, and names the switch', async () => {
  const scanned = await readFile(path.join(import.meta.dirname, '../../testing/scanned-page.pdf'));
  const document = chooseExtractionLimits({ isTextRecognised: false }).document;
  await expect(extract(scanned, 'application/pdf', { document })).rejects.toMatchObject({
    code: 'document.no-text',
    userMessage: expect.stringContaining('LOREHOUSE_OCR'),
  });
});

it('kills a process that runs past its time and says so', async () => {
  await expect(extract('words', 'text/plain', { timeoutMs: 1 })).rejects.toMatchObject({
    ...tooComplex('timeout'),
    userMessage: expect.stringContaining('seconds'),
  });
});

it('kills a process that takes more memory than it may and says so', async () => {
  const many = Buffer.alloc(40_000_000, 'word\n\n');
  await expect(extract(many, 'text/plain', { heapMegabytes: 64 })).rejects.toMatchObject(tooComplex('memory'));
});

it('ends with the reason of whoever cancels', async () => {
  const reason = new Error('cancelled by its user');
  const filePath = await store('words');
  const controller = new AbortController();
  const running = runExtraction(filePath, 'text/plain', { signal: controller.signal });
  controller.abort(reason);
  await expect(running).rejects.toBe(reason);
});

it('unpacks an archive, and tells of each file in it that it cannot', async () => {
  const { files, error } = await unpack(
    makeArchive([
      { name: 'folder/', content: '' },
      { name: 'folder/a.txt', content: 'Alpha' },
      { name: '../../etc/passwd', content: 'root' },
      { name: '/etc/passwd', content: 'root' },
      { name: 'C:\\windows\\win.ini', content: 'root' },
      bomb('bomb.txt'),
      { name: 'secret.txt', content: 'hidden', isEncrypted: true },
      { name: 'liar.txt', content: 'x'.repeat(1000), claimedBytes: 10 },
      {
        name: 'large.txt',
        content: Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => (index * 7919) % 251)),
      },
      { name: '__MACOSX/folder/._a.txt', content: 'left over' },
      { name: 'b\\c.txt', content: 'Beta' },
    ]),
    { maxEntryBytes: 16_000_000 - 1 },
  );
  expect(error).toBeNull();
  expect(Object.keys(files)).toEqual([
    'folder/a.txt',
    '../../etc/passwd',
    '/etc/passwd',
    'C:/windows/win.ini',
    'bomb.txt',
    'secret.txt',
    'liar.txt',
    'large.txt',
    'b/c.txt',
  ]);
  expect(files).toMatchObject({
    'folder/a.txt': 'Alpha',
    'b/c.txt': 'Beta',
    '../../etc/passwd': expect.stringMatching(/^! .*outside/),
    '/etc/passwd': expect.stringMatching(/^! .*outside/),
    'C:/windows/win.ini': expect.stringMatching(/^! .*outside/),
    'bomb.txt': expect.stringMatching(/^! .*times its size/),
    'secret.txt': expect.stringMatching(/^! .*password/),
    'liar.txt': expect.stringMatching(/^! .*damaged/),
  });
  expect(files['large.txt']?.length).toBeGreaterThan(2_000_000);
});

it('refuses a file in an archive that is larger than an upload may be', async () => {
  const { files, error } = await unpack(
    makeArchive([
      { name: 'a.txt', content: 'x'.repeat(2000) },
      { name: 'b.txt', content: 'Beta' },
    ]),
    { maxEntryBytes: 1000 },
  );
  expect({ files, error }).toMatchObject({
    files: { 'a.txt': expect.stringMatching(/^! .*larger/), 'b.txt': 'Beta' },
    error: null,
  });
});

it('stops at what an archive may unpack to, and keeps what came before', async () => {
  const content = 'x'.repeat(60_000);
  const { files, error } = await unpack(makeArchive(['a', 'b', 'c'].map((name) => ({ name, content }))), {
    maxUnpackedBytes: 100_000,
  });
  expect(files).toMatchObject({ a: content, b: expect.stringMatching(/^! /) });
  expect(files).not.toHaveProperty('c');
  expect(error).toMatchObject(tooComplex('unpacked-size'));
});

it('refuses an archive of a million entries by its table of contents', async () => {
  const { files, error } = await unpack(makeCrowdedArchive(1_000_000));
  expect(files).toEqual({});
  expect(error).toMatchObject(tooComplex('entries'));
});

it('refuses an archive that is cut off', async () => {
  const whole = makeArchive([{ name: 'a.txt', content: 'Alpha' }]);
  expect((await unpack(whole.subarray(0, -10))).error).toMatchObject({ code: 'document.unreadable' });
});
