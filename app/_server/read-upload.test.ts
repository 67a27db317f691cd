import { describe, expect, it } from 'vitest';
import { readUpload } from './read-upload.ts';

async function readText(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}

const post = (body: BodyInit | null, headers: Record<string, string> = {}) =>
  new Request('http://localhost/upload', { method: 'POST', body, headers });

describe('readUpload', () => {
  it('streams the file of a form, with its name', async () => {
    const form = new FormData();
    form.set('note', 'before the file');
    form.set('file', new File(['x'.repeat(200_000)], 'Übersicht.txt'));
    const { fileName, stream } = await readUpload(post(form));
    expect(fileName).toBe('Übersicht.txt');
    expect(await readText(stream)).toHaveLength(200_000);
  });

  it('streams a raw body, its name from the header', async () => {
    const { fileName, stream } = await readUpload(post('hello', { 'x-file-name': '%C3%9Cbersicht.txt' }));
    expect(fileName).toBe('Übersicht.txt');
    expect(await readText(stream)).toBe('hello');
  });

  it('keeps the folders of a raw body only where a path is given', async () => {
    const named = await readUpload(post('x', { 'x-file-name': 'a%2Fb.txt' }));
    expect(named).toMatchObject({ fileName: 'a/b.txt', keepsFolders: false });
    const placed = await readUpload(post('x', { 'x-file-path': 'a%2Fb.txt', 'x-file-name': 'b.txt' }));
    expect(placed).toMatchObject({ fileName: 'a/b.txt', keepsFolders: true });
  });

  it('says what it expects', async () => {
    const form = new FormData();
    form.set('note', 'no file');
    await expect(readUpload(post(form))).rejects.toMatchObject({ code: 'input.invalid' });
    await expect(readUpload(post('hello'))).rejects.toMatchObject({ code: 'input.invalid' });
    await expect(readUpload(post(null))).rejects.toMatchObject({ code: 'input.invalid' });
    await expect(readUpload(post('x', { 'x-file-name': '%E0%A4%A' }))).rejects.toMatchObject({ code: 'input.invalid' });
  });

  it('fails on a form that breaks off', async () => {
    const boundary = 'edge';
    const body = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhalf a fi`;
    const { stream } = await readUpload(post(body, { 'content-type': `multipart/form-data; boundary=${boundary}` }));
    await expect(readText(stream)).rejects.toThrow(/end of form/i);
  });
});
