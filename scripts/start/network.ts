import { connect, createServer } from 'node:net';
import { request } from 'undici';
import { AppError } from '#lib/domain/errors.ts';

const PROBE_TIMEOUT_MS = 5_000;

/**
 * Make sure that the address can be listened on, before anything slow starts.
 * @param port 0: the system chooses
 * @returns the port
 * @throws port.in-use, port.not-allowed, port.no-such-address
 */
export function claimPort(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => reject(explainListenError(error, host, port)));
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      const chosen = typeof address === 'object' && address !== null ? address.port : port;
      server.close(() => resolve(chosen));
    });
  });
}

function explainListenError(error: Error, host: string, port: number): AppError {
  const code = 'code' in error ? error.code : undefined;
  const place = `${host}:${port}`;
  switch (code) {
    case 'EADDRINUSE':
      return new AppError({
        code: 'port.in-use',
        message: `another program already listens on ${place}; stop it, or choose another port: PORT=3001 npm start`,
        cause: error,
      });
    case 'EACCES':
      return new AppError({
        code: 'port.not-allowed',
        message: `this user may not listen on ${place}; choose a port of 1024 or above: PORT=3000 npm start`,
        cause: error,
      });
    default:
      return new AppError({
        code: 'port.no-such-address',
        message: `cannot listen on ${place}: ${error.message}; set HOST to an address of this machine (127.0.0.1, or 0.0.0.0 for all)`,
        cause: error,
      });
  }
}

/** Whether a server accepts connections on a Unix socket. */
export function acceptsConnections(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socketPath);
    const finish = (isOpen: boolean) => {
      probe.destroy();
      resolve(isOpen);
    };
    probe.setTimeout(PROBE_TIMEOUT_MS, () => finish(false));
    probe.once('connect', () => finish(true));
    probe.once('error', () => finish(false));
  });
}

/** Address for this machine's own requests to a server bound to `host`. */
export function ownUrl(host: string, port: number): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}

/** @throws Error with the answer when the status is not 200 */
export async function requireOk(url: string): Promise<true> {
  const response = await request(url, { headersTimeout: PROBE_TIMEOUT_MS, bodyTimeout: PROBE_TIMEOUT_MS });
  const body = await response.body.text();
  if (response.statusCode === 200) return true;
  throw new Error(`${url} answers ${response.statusCode}: ${body.slice(0, 400)}`);
}
