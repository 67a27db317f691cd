import { createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { claimPort, ownUrl } from './network.ts';

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function occupy(): Promise<number> {
  const port = await claimPort('127.0.0.1', 0);
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return port;
}

test('chooses a free port for 0 and gives it back', async () => {
  const port = await claimPort('127.0.0.1', 0);
  expect(port).toBeGreaterThan(0);
  expect(await claimPort('127.0.0.1', port)).toBe(port);
});

test('names a port in use and the way out', async () => {
  const port = await occupy();
  await expect(claimPort('127.0.0.1', port)).rejects.toMatchObject({
    code: 'port.in-use',
    message: expect.stringContaining(`127.0.0.1:${port}`),
  });
});

test('names an address that is not of this machine', async () => {
  await expect(claimPort('192.0.2.1', 0)).rejects.toMatchObject({ code: 'port.no-such-address' });
});

test('asks its own server on loopback when that listens everywhere', () => {
  expect(ownUrl('0.0.0.0', 80)).toBe('http://127.0.0.1:80');
  expect(ownUrl('::', 80)).toBe('http://[::1]:80');
  expect(ownUrl('192.0.2.7', 80)).toBe('http://192.0.2.7:80');
});
