import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBlobStore } from '#lib/ingestion/blob-store.ts';
import { parseRange, sendFile } from './send-file.ts';

describe('parseRange', () => {
  it('reads first, last and suffix ranges', () => {
    expect(parseRange('bytes=0-99', 1000)).toEqual({ start: 0, end: 99 });
    expect(parseRange('bytes=900-', 1000)).toEqual({ start: 900, end: 999 });
    expect(parseRange('bytes=-100', 1000)).toEqual({ start: 900, end: 999 });
    expect(parseRange('bytes=900-5000', 1000)).toEqual({ start: 900, end: 999 });
    expect(parseRange('bytes=1000-', 1000)).toBe('unsatisfiable');
    expect(parseRange('bytes=-0', 1000)).toBe('unsatisfiable');
  });

  it('answers what it does not understand with the whole file', () => {
    for (const header of ['bytes=0-1,5-6', 'pages=1-2', 'bytes=', 'bytes=-', 'bytes=5-1']) {
      expect(parseRange(header, 1000)).toBeNull();
    }
  });

  it('never leaves the file', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 10_000 }), (first, last, size) => {
        const range = parseRange(`bytes=${first}-${last}`, size);
        if (range === null || range === 'unsatisfiable') return;
        expect(range.start).toBeGreaterThanOrEqual(0);
        expect(range.end).toBeGreaterThanOrEqual(range.start);
        expect(range.end).toBeLessThan(size);
      }),
    );
  });
});

describe('sendFile', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'lorehouse-send-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  async function send(mediaType: string, headers: Record<string, string> = {}) {
    const blobs = createBlobStore(directory);
    const { sha256, sizeBytes } = await blobs.put(toStream('<script>alert(1)</script>'), { maxBytes: 1000 });
    const file = { fileName: "Handbuch (neu) 'ä'.html", mediaType, sizeBytes, blobSha256: sha256 };
    return sendFile(new Request('http://localhost/file', { headers }), blobs, file);
  }

  it('lets no uploaded page run in the browser', async () => {
    const response = await send('text/html');
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    expect(response.headers.get('content-disposition')).toBe(
      "attachment; filename*=UTF-8''Handbuch%20%28neu%29%20%27%C3%A4%27.html",
    );
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('content-security-policy')).toContain('sandbox');
    expect(await response.text()).toBe('<script>alert(1)</script>');
  });

  it('serves a part', async () => {
    const response = await send('application/pdf', { range: 'bytes=1-6' });
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toBe('bytes 1-6/25');
    expect(await response.text()).toBe('script');
  });

  it('says that nothing changed', async () => {
    const etag = (await send('application/pdf')).headers.get('etag') ?? '';
    expect((await send('application/pdf', { 'if-none-match': etag })).status).toBe(304);
  });
});

async function* toStream(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text);
}
