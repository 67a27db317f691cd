import { chmod, mkdir, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import path from 'node:path';
import { getRequestListener } from '@hono/node-server';
import type { Hono } from 'hono';

/** A Unix socket (mode 0600 in a directory 0700), or TCP, which must come with a bearer token. */
export type RuntimeAddress =
  | { readonly socketPath: string }
  | { readonly host: string /** 0: the system chooses. */; readonly port: number };

export interface RuntimeListener {
  /** What a client is given: the socket's path or the URL. */
  readonly address: string;
  close(): Promise<void>;
}

export async function listenRuntime(app: Hono, address: RuntimeAddress): Promise<RuntimeListener> {
  const listener = getRequestListener((request) => app.fetch(request), { overrideGlobalObjects: false });
  const server = createServer((incoming, outgoing) => {
    void listener(incoming, outgoing);
  });
  // A prefill sends nothing for many seconds, and so may the queue.
  server.requestTimeout = 0;
  server.keepAliveTimeout = 60_000;
  if ('socketPath' in address) {
    await mkdir(path.dirname(address.socketPath), { recursive: true, mode: 0o700 });
    await removeDeadSocket(address.socketPath);
    const previousMask = process.umask(0o177);
    try {
      await listen(server, { path: address.socketPath });
    } finally {
      process.umask(previousMask);
    }
    await chmod(address.socketPath, 0o600);
  } else {
    await listen(server, { host: address.host, port: address.port });
  }
  return {
    address: 'socketPath' in address ? address.socketPath : readUrl(server, address.host),
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, options: { path: string } | { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function readUrl(server: Server, host: string): string {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('the server is bound to no port');
  return `http://${host.includes(':') ? `[${host}]` : host}:${bound.port}`;
}

/** A killed process leaves its socket file behind. @throws when a live server answers on it */
async function removeDeadSocket(socketPath: string): Promise<void> {
  const isLive = await new Promise<boolean>((resolve) => {
    const probe = connect(socketPath);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
  if (isLive) throw new Error(`another inference server is listening on ${socketPath}`);
  await rm(socketPath, { force: true });
}
