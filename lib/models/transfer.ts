import { open, rm, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type Dispatcher, errors, request } from 'undici';
import { z } from 'zod';
import { noNetwork, readErrorCode, sourceRefused } from './model-errors.ts';

/** Attempts in a row that brought no byte, before the source counts as unreachable. */
const MAX_FRUITLESS_ATTEMPTS = 4;
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 8_000;
/** A hub redirects to its content network once; more than a few redirects is a loop. */
const MAX_REDIRECTS = 5;
/** A transfer that brings no byte for this long is cut and resumed. */
const STALL_TIMEOUT_MS = 30_000;

export interface TransferRequest {
  readonly url: string;
  /** What to call the source in messages: no credentials. */
  readonly label: string;
  /** Bytes already in this file are kept and the rest is asked for by range. */
  readonly partialPath: string;
  readonly bearerToken: string | undefined;
  readonly dispatcher: Dispatcher | undefined;
  readonly signal: AbortSignal | undefined;
  /** Factor on waiting times between attempts; tests pass 0. */
  readonly retryDelayFactor: number;
  /** @param totalBytes null when the server does not say */
  readonly onBytes: (receivedBytes: number, totalBytes: number | null) => void;
}

interface Opened {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: Dispatcher.ResponseData['body'];
}

function readHeader(headers: Opened['headers'], name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

async function sizeOf(file: string): Promise<number> {
  return (await stat(file).catch(() => null))?.size ?? 0;
}

async function openAt(transfer: TransferRequest, offset: number): Promise<Opened> {
  let url = new URL(transfer.url);
  const origin = url.origin;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    const response = await request(url, {
      method: 'GET',
      headers: {
        'user-agent': 'lorehouse',
        // A compressed transfer could not be resumed by byte offset.
        'accept-encoding': 'identity',
        ...(offset > 0 ? { range: `bytes=${offset}-` } : {}),
        // The content network behind a redirect must not see the token.
        ...(transfer.bearerToken !== undefined && url.origin === origin
          ? { authorization: `Bearer ${transfer.bearerToken}` }
          : {}),
      },
      headersTimeout: STALL_TIMEOUT_MS,
      bodyTimeout: STALL_TIMEOUT_MS,
      signal: transfer.signal ?? null,
      ...(transfer.dispatcher === undefined ? {} : { dispatcher: transfer.dispatcher }),
    });
    const location = readHeader(response.headers, 'location');
    if (response.statusCode >= 300 && response.statusCode < 400 && location !== undefined) {
      await response.body.dump();
      url = new URL(location, url);
      continue;
    }
    return { status: response.statusCode, headers: response.headers, body: response.body };
  }
  throw sourceRefused(`${transfer.label} (more than ${MAX_REDIRECTS} redirects)`, 310);
}

const toNumber = (text: string | undefined) => (text === undefined || text === '*' ? null : Number(text));

/** `bytes 100-199/1000`; a star stands for a range that cannot be served, and for an unknown total. */
function parseContentRange(value: string | undefined): { start: number | null; total: number | null } {
  const match = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(value ?? '');
  return { start: toNumber(match?.[1]), total: toNumber(match?.[2]) };
}

const isAbort = (error: unknown) => error instanceof Error && error.name === 'AbortError';
const isDiskError = (error: unknown) =>
  ['ENOSPC', 'EDQUOT', 'EACCES', 'EROFS', 'EIO'].includes(readErrorCode(error) ?? '');

type AttemptOutcome = 'complete' | 'restart' | { readonly retryAfterMs: number | null; readonly error: Error };

async function attempt(transfer: TransferRequest): Promise<AttemptOutcome> {
  const offset = await sizeOf(transfer.partialPath);
  const opened = await openAt(transfer, offset);
  if (opened.status === 416) {
    await opened.body.dump();
    // Nothing lies past the end: either the file is whole or it is not the file that was begun.
    const { total } = parseContentRange(readHeader(opened.headers, 'content-range'));
    if (total === offset) return 'complete';
    await rm(transfer.partialPath, { force: true });
    return 'restart';
  }
  if (opened.status !== 200 && opened.status !== 206) {
    await opened.body.dump();
    const error = sourceRefused(transfer.label, opened.status);
    if (!error.isRetryable) throw error;
    const seconds = Number(readHeader(opened.headers, 'retry-after'));
    return { error, retryAfterMs: Number.isFinite(seconds) ? Math.min(seconds * 1000, MAX_RETRY_MS) : null };
  }
  const range = parseContentRange(readHeader(opened.headers, 'content-range'));
  if (opened.status === 206 && range.start !== offset) {
    await opened.body.dump();
    await rm(transfer.partialPath, { force: true });
    return 'restart';
  }
  // A server without ranges answers 200 with everything.
  const start = opened.status === 206 ? offset : 0;
  const length = Number(readHeader(opened.headers, 'content-length') ?? Number.NaN);
  const total = range.total ?? (Number.isFinite(length) ? start + length : null);
  let received = start;
  transfer.onBytes(received, total);
  // Written chunk by chunk and not through a pipeline: that would throw away what it holds when the connection breaks.
  const handle = await open(transfer.partialPath, start === 0 ? 'w' : 'a');
  try {
    for await (const chunk of opened.body) {
      const bytes = z.instanceof(Buffer).parse(chunk);
      await handle.write(bytes);
      received += bytes.length;
      transfer.onBytes(received, total);
    }
  } finally {
    await handle.close();
  }
  if (total !== null && received < total) {
    return { error: new Error(`the connection ended after ${received} of ${total} bytes`), retryAfterMs: null };
  }
  return 'complete';
}

/**
 * Fetch a URL into `partialPath`, continuing after the bytes that are there, across cut connections and busy servers.
 * On failure the bytes received so far stay in `partialPath` for the next try.
 * @throws model.no-network, model.source-not-found, model.source-refused; write errors and aborts as they come
 */
export async function transferFile(transfer: TransferRequest): Promise<void> {
  let fruitless = 0;
  let lastSize = await sizeOf(transfer.partialPath);
  for (;;) {
    transfer.signal?.throwIfAborted();
    let failure: { error: unknown; retryAfterMs: number | null };
    try {
      const outcome = await attempt(transfer);
      if (outcome === 'complete') return;
      failure =
        outcome === 'restart'
          ? { error: new Error('the server did not continue the download'), retryAfterMs: 0 }
          : outcome;
    } catch (error) {
      // A certificate that nobody here trusts stays untrusted on a second try; so do refusals and write errors.
      const isTransient =
        error instanceof errors.UndiciError ||
        [
          'ECONNREFUSED',
          'ECONNRESET',
          'ENOTFOUND',
          'EAI_AGAIN',
          'ETIMEDOUT',
          'EPIPE',
          'EHOSTUNREACH',
          'ENETUNREACH',
        ].includes(readErrorCode(error) ?? '');
      if (isAbort(error) || isDiskError(error)) throw error;
      if (!isTransient) {
        if (error instanceof Error && 'isRetryable' in error) throw error;
        throw noNetwork(transfer.label, error);
      }
      failure = { error, retryAfterMs: null };
    }
    const size = await sizeOf(transfer.partialPath);
    fruitless = size > lastSize ? 0 : fruitless + 1;
    lastSize = size;
    if (fruitless >= MAX_FRUITLESS_ATTEMPTS) {
      if (failure.error instanceof Error && 'isRetryable' in failure.error) throw failure.error;
      throw noNetwork(transfer.label, failure.error);
    }
    const waitMs = failure.retryAfterMs ?? Math.min(FIRST_RETRY_MS * 2 ** fruitless, MAX_RETRY_MS);
    await delay(
      waitMs * transfer.retryDelayFactor,
      undefined,
      transfer.signal === undefined ? {} : { signal: transfer.signal },
    );
  }
}
