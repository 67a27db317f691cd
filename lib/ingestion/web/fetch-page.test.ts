import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FetchOptions, fetchPage, parseAddress } from './fetch-page.ts';
import { isPublicAddress } from './is-public-address.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const server = createServer((request, response) => {
  seen.push(`${request.headers.host}${request.url}`);
  const answer = answers[new URL(request.url ?? '/', 'http://localhost').pathname];
  if (answer) answer(request, response);
  else response.writeHead(404).end();
});
let seen: string[] = [];
let port = 0;
let connections = 0;
server.on('connection', () => {
  connections += 1;
});
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  port = typeof address === 'object' && address ? address.port : 0;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  seen = [];
  connections = 0;
});

const html =
  (body: string): Answer =>
  (_request, response) =>
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(body);
const redirect =
  (location: string, status = 302): Answer =>
  (_request, response) =>
    response.writeHead(status, { location }).end();

const answers: Record<string, Answer> = {
  '/manual': html('<html><head><title> Pump\n P-9 </title></head><body><p>Words.</p></body></html>'),
  '/empty': html(''),
  '/once': redirect('/manual'),
  '/loop': redirect('/loop'),
  '/to-file': redirect('file:///etc/passwd'),
  '/to-nothing': redirect('http://'),
  '/packed': (_request, response) =>
    response
      .writeHead(200, { 'content-type': 'text/html', 'content-encoding': 'gzip' })
      .end(gzipSync('<p>Packed.</p>')),
  '/bomb': (_request, response) =>
    response
      .writeHead(200, { 'content-type': 'text/html', 'content-encoding': 'gzip' })
      .end(gzipSync(Buffer.alloc(5_000_000, ' '))),
  '/endless': (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' });
    const write = () => {
      while (!response.destroyed && response.write('x'.repeat(60_000)));
      response.once('drain', write);
    };
    write();
  },
  '/slow': (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' });
    response.write('<p>');
  },
  '/picture': (_request, response) => response.writeHead(200, { 'content-type': 'image/png' }).end('x'),
  '/untyped': (_request, response) => response.writeHead(200).end('x'),
  '/latin': (_request, response) =>
    response.writeHead(200, { 'content-type': 'text/plain; charset=iso-8859-2' }).end(Buffer.from([0xb1, 0xe6])),
  '/cut': (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html', 'content-length': '1000' });
    response.write('half');
    setImmediate(() => response.destroy());
  },
};

const resolveTo =
  (...found: string[]) =>
  () =>
    Promise.resolve(found.map((address) => ({ address, family: 4 })));

/** The server of this test and the internet, as if 127.0.0.1 were a host there. */
const here: FetchOptions = { isAddressAllowed: (address) => address === '127.0.0.1' || isPublicAddress(address) };
const fetchHere = (path: string, options: FetchOptions = {}) =>
  fetchPage(`http://127.0.0.1:${port}${path}`, { ...here, ...options });

describe('fetchPage', () => {
  it('brings a page with where it came from, its name and its title', async () => {
    const page = await fetchHere('/once?a=1#part');
    expect(page).toMatchObject({
      sourceUrl: `http://127.0.0.1:${port}/once?a=1`,
      fetchedUrl: `http://127.0.0.1:${port}/manual`,
      fileName: `127.0.0.1:${port}/manual.html`,
      title: 'Pump P-9',
    });
    expect(new TextDecoder().decode(page.bytes)).toContain('<p>Words.</p>');
    expect(seen).toHaveLength(2);
  });

  it('unpacks what was packed on the way, and reads the charset that the server names', async () => {
    expect(new TextDecoder().decode((await fetchHere('/packed')).bytes)).toBe('<p>Packed.</p>');
    expect(new TextDecoder().decode((await fetchHere('/latin')).bytes)).toBe('ąć');
  });

  it.each([
    ['a missing page', '/missing', 'document.fetch-failed', '404'],
    ['an empty page', '/empty', 'document.empty', 'empty'],
    ['an endless redirect', '/loop', 'document.fetch-failed', '5 times'],
    ['a redirect to a file', '/to-file', 'document.address-invalid', 'file:'],
    ['a redirect to nothing', '/to-nothing', 'document.fetch-failed', 'no address'],
    ['a picture', '/picture', 'document.unsupported', 'image/png'],
    ['a page without a type', '/untyped', 'document.unsupported', 'without a type'],
    ['an answer that is cut off', '/cut', 'document.fetch-failed', 'cut the connection'],
  ])('says what is wrong with %s', async (_what, path, code, words) => {
    await expect(fetchHere(path)).rejects.toMatchObject({ code, userMessage: expect.stringContaining(words) });
  });

  it('stops at its limits of size, packed or not, and of time', async () => {
    const limits = { maxBytes: 1_000_000 };
    await expect(fetchHere('/endless', { limits })).rejects.toMatchObject({ code: 'document.too-large' });
    await expect(fetchHere('/bomb', { limits })).rejects.toMatchObject({ code: 'document.too-large' });
    await expect(fetchHere('/slow', { limits: { timeoutMs: 200 } })).rejects.toMatchObject({
      code: 'document.fetch-failed',
      userMessage: expect.stringContaining('0.2 seconds'),
    });
  });

  it('ends with the reason of whoever cancels', async () => {
    const controller = new AbortController();
    const reason = new Error('left the page');
    const fetching = fetchHere('/slow', { signal: controller.signal });
    controller.abort(reason);
    await expect(fetching).rejects.toBe(reason);
  });

  it('refuses this machine and private networks in every spelling, without a packet to them', async () => {
    const hosts = [
      '127.0.0.1',
      '127.1',
      '0177.0.0.1',
      '0x7f.0.0.1',
      '0x7f000001',
      '2130706433',
      '017700000001',
      '127.0.0.1.',
      '0.0.0.0',
      '0',
      'localhost',
      'LOCALHOST',
      '①②⑦.0.0.1',
      '[::1]',
      '[::]',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '[::127.0.0.1]',
      '[64:ff9b::7f00:1]',
      '[2002:7f00:1::]',
    ];
    for (const host of hosts) {
      const error: unknown = await fetchPage(`http://${host}:${port}/manual`).catch((caught: unknown) => caught);
      expect({ host, error }).toMatchObject({ host, error: { code: 'document.address-refused' } });
    }
    expect(connections).toBe(0);
  });

  it('refuses a redirect to a refused address in every spelling', async () => {
    const targets = [
      '169.254.169.254',
      '[::ffff:a9fe:a9fe]',
      '2852039166',
      '0xa9fea9fe',
      '10.0.0.1',
      '127.0.0.2',
      '[fd00:ec2::254]',
    ];
    for (const target of targets) {
      answers['/inside'] = redirect(`http://${target}/latest/meta-data/`, 307);
      const error: unknown = await fetchHere('/inside').catch((caught: unknown) => caught);
      expect({ target, error }).toMatchObject({ target, error: { code: 'document.address-refused' } });
    }
    expect(seen).toHaveLength(targets.length);
  });

  it('checks the very addresses that a name is connected to, anew for each connection', async () => {
    const address = `http://manuals.example:${port}`;
    expect(await fetchPage(`${address}/manual`, { ...here, resolveHost: resolveTo('127.0.0.1') })).toMatchObject({
      fetchedUrl: `${address}/manual`,
    });
    expect(seen).toEqual([`manuals.example:${port}/manual`]);
    // One of several is enough, and an answer that changes between two connections is checked again.
    for (const resolveHost of [resolveTo('10.0.0.1'), resolveTo('127.0.0.1', '10.0.0.1'), resolveTo()]) {
      await expect(fetchPage(`${address}/manual`, { ...here, resolveHost })).rejects.toMatchObject({
        code: expect.stringMatching(/address-refused|fetch-failed/),
      });
    }
    let calls = 0;
    const rebinding = () => {
      calls += 1;
      return Promise.resolve([{ address: calls === 1 ? '127.0.0.1' : '127.0.0.2', family: 4 }]);
    };
    answers['/again'] = redirect(`http://again.example:${port}/manual`);
    await expect(fetchPage(`${address}/again`, { ...here, resolveHost: rebinding })).rejects.toMatchObject({
      code: 'document.address-refused',
    });
  });
});

describe('parseAddress', () => {
  it.each([
    ['example.com/manual', 'https://example.com/manual'],
    ['  HTTP://Example.COM:80/a#b ', 'http://example.com/a'],
    ['https://example.com:8443/ä', 'https://example.com:8443/%C3%A4'],
  ])('reads %s', (given, href) => expect(parseAddress(given).href).toBe(href));

  it.each([
    'ftp://example.com',
    'file:///etc/passwd',
    'gopher://example.com',
    'http://user:secret@example.com',
    'http://example.com:22',
    'http://',
    'javascript:alert(1)',
    `https://example.com/${'a'.repeat(3000)}`,
    '',
  ])('refuses %s', (given) => {
    expect(() => parseAddress(given)).toThrow(expect.objectContaining({ code: 'document.address-invalid' }));
  });
});
