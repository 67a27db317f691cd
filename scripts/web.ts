/**
 * The web server as a process: serves the built pages (`.next`) on HOST:PORT. A server of our own around Next's handler,
 * because a stop must end open streams in time and the process must go when its supervisor does.
 */
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import next from 'next';
import { loadEnv } from '#lib/config/env.ts';
import { exitWithParent } from '#lib/config/exit-with-parent.ts';
import { createLogger } from '#lib/observability/logger.ts';

/** Requests under way may finish within this; the supervisor kills after four seconds. */
const STOP_WITHIN_MS = 1_500;

exitWithParent();
const env = loadEnv();
const logger = createLogger('web', env.logLevel);
const app = next({
  dev: false,
  dir: fileURLToPath(new URL('..', import.meta.url)),
  hostname: env.host,
  port: env.port,
});
await app.prepare();
const handle = app.getRequestHandler();
const server = createServer((request, response) => {
  handle(request, response).catch((error: unknown) => {
    logger.error({ err: error }, 'a request ended in an unhandled error');
    if (!response.headersSent) response.writeHead(500);
    response.end();
  });
});
// Answers stream for minutes and uploads are large; an idle connection is what must not be kept.
server.requestTimeout = 0;
server.keepAliveTimeout = 30_000;

let isStopping = false;
function stop(): void {
  if (isStopping) return;
  isStopping = true;
  setTimeout(() => {
    server.closeAllConnections();
    process.exit(0);
  }, STOP_WITHIN_MS).unref();
  server.close(() => process.exit(0));
  server.closeIdleConnections();
}
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);

server.once('error', (error) => {
  logger.fatal({ err: error }, `cannot listen on ${env.host}:${env.port}`);
  process.exit(1);
});
server.listen(env.port, env.host, () => logger.info({ host: env.host, port: env.port }, 'ready'));
