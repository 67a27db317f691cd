import { lookup as lookUpAddresses } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { callbackify } from 'node:util';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { Parser } from 'htmlparser2';
import { Agent, buildConnector, type Dispatcher, request } from 'undici';
import { AppError } from '#lib/domain/errors.ts';
import { documentFormats, supportedFormats } from '../formats.ts';
import { isPublicAddress } from './is-public-address.ts';

export interface FetchLimits {
  /** Of what is stored, and of what it was packed into on the way. */
  readonly maxBytes: number;
  /** For everything, redirects included. */
  readonly timeoutMs: number;
  readonly maxRedirects: number;
}

const defaultLimits: FetchLimits = { maxBytes: 25_000_000, timeoutMs: 20_000, maxRedirects: 5 };

export interface FetchOptions {
  readonly limits?: Partial<FetchLimits>;
  readonly signal?: AbortSignal;
  /** Which addresses may be connected to. Default {@link isPublicAddress}; another one is for tests with a server of their own. */
  readonly isAddressAllowed?: (address: string) => boolean;
  /** All addresses of a host name. Default: the system's resolver. */
  readonly resolveHost?: (host: string) => Promise<readonly { readonly address: string; readonly family: number }[]>;
}

export interface FetchedPage {
  /** As entered, in the spelling of a browser, without what follows `#`. */
  readonly sourceUrl: string;
  /** Where the bytes came from. */
  readonly fetchedUrl: string;
  readonly fetchedAt: Date;
  readonly bytes: Uint8Array;
  /** Host and path with the ending of its type; looks like a path and is only a name. */
  readonly fileName: string;
  /** Of an HTML page that has one. */
  readonly title: string | null;
}

const MAX_ADDRESS_CHARACTERS = 2048;
const ACCEPTED = documentFormats.map((format) => format.mediaType);
const HTML_TYPES = ['text/html', 'application/xhtml+xml'];
/** What servers call files that they know no better, Markdown among them. */
const VAGUE_TYPES = ['text/plain', 'text/x-markdown', 'application/octet-stream'];
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const DEFAULT_PORTS = new Set(['', '80', '443']);
/** Below this, other ports belong to services that speak something else than HTTP. */
const FIRST_FREE_PORT = 1024;

/**
 * The address as a browser would write it. `https` is added where there is no scheme.
 * @throws AppError `document.address-invalid`
 */
export function parseAddress(given: string): URL {
  const trimmed = given.trim();
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `https://${trimmed}`;
  const url = text.length <= MAX_ADDRESS_CHARACTERS && URL.canParse(text) ? new URL(text) : null;
  if (url === null) throw invalidAddress('This is no address of a web page. Copy it from the browser.');
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw invalidAddress(
      `Only addresses that begin with http: or https: can be fetched; this one begins with ${url.protocol}`,
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw invalidAddress('The address holds a user name or password. Pages behind a sign-in cannot be fetched.');
  }
  if (!DEFAULT_PORTS.has(url.port) && Number(url.port) < FIRST_FREE_PORT) {
    throw invalidAddress(`Port ${url.port} is no port of a web server.`);
  }
  url.hash = '';
  return url;
}

/**
 * Fetch one page. Every address that is connected to has been checked, whatever name led to it and on every redirect; a name is
 * resolved once a connection, and the connection goes to an address of that answer.
 * @throws AppError `document.address-invalid`, `document.address-refused`, `document.fetch-failed`, `document.too-large`,
 *   `document.empty`, `document.unsupported`; the signal's reason when aborted
 */
export async function fetchPage(address: string, options: FetchOptions = {}): Promise<FetchedPage> {
  const limits = { ...defaultLimits, ...options.limits };
  const timeout = AbortSignal.timeout(limits.timeoutMs);
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
  const agent = new Agent({ connect: createGuardedConnector(options), pipelining: 0 });
  const source = parseAddress(address);
  let url = source;
  try {
    for (let redirects = 0; ; redirects += 1) {
      const response = await request(url, {
        dispatcher: agent,
        signal,
        headers: {
          accept: [...HTML_TYPES, ...ACCEPTED].join(', '),
          'accept-encoding': 'gzip, br',
          'user-agent': 'Lorehouse',
        },
      });
      // A body that is given up reports that to whoever listens; whoever reads it hears of every error while reading.
      response.body.on('error', () => undefined);
      const location = REDIRECTS.has(response.statusCode) ? response.headers['location'] : undefined;
      if (typeof location === 'string') {
        response.body.destroy();
        if (redirects >= limits.maxRedirects) throw failed(url, `it redirects more than ${limits.maxRedirects} times`);
        url = followRedirect(url, location);
        continue;
      }
      if (response.statusCode !== 200) {
        response.body.destroy();
        throw failed(url, `the server answered with status ${response.statusCode}`);
      }
      return await readPage(source, url, response, limits.maxBytes);
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    if (timeout.aborted) throw failed(url, `it took more than ${limits.timeoutMs / 1000} seconds`);
    const known = findAppError(error);
    throw known ?? failed(url, describeCause(error), error);
  } finally {
    await agent.destroy();
  }
}

function followRedirect(from: URL, location: string): URL {
  if (!URL.canParse(location, from)) throw failed(from, 'it redirects to something that is no address');
  const url = parseAddress(new URL(location, from).href);
  if (from.protocol === 'https:' && url.protocol === 'http:') {
    throw failed(from, 'it redirects from an encrypted address to one that is not');
  }
  return url;
}

/** Connections to allowed addresses only. Checked before, since a refused host must see no packet, and once more after. */
function createGuardedConnector({
  isAddressAllowed = isPublicAddress,
  resolveHost = (host) => lookUpAddresses(host, { all: true }),
}: FetchOptions): buildConnector.connector {
  const resolveAllowed = callbackify(async (host: string) => {
    const found = await resolveHost(host);
    const [first] = found;
    if (!first) throw failed(host, 'its name is not known');
    if (!found.every(({ address }) => isAddressAllowed(address))) throw refusedAddress(host);
    return { first, all: [...found] };
  });
  const lookup: LookupFunction = (host, options, callback) => {
    resolveAllowed(host, (error, found) => {
      if (error) callback(error, '');
      else if (options.all === true) callback(null, found.all);
      else callback(null, found.first.address, found.first.family);
    });
  };
  const connect = buildConnector({ lookup });
  return (target, callback) => {
    const literal = target.hostname.replace(/^\[(.*)\]$/, '$1');
    if (isIP(literal) !== 0 && !isAddressAllowed(literal)) return callback(refusedAddress(target.hostname), null);
    connect(target, (...result) => {
      const [error, socket] = result;
      if (error !== null || isAddressAllowed(socket.remoteAddress ?? '')) return callback(...result);
      socket.destroy();
      callback(refusedAddress(target.hostname), null);
    });
  };
}

async function readPage(
  source: URL,
  url: URL,
  { headers, body }: Dispatcher.ResponseData,
  maxBytes: number,
): Promise<FetchedPage> {
  const [type, charset] = readContentType(headers['content-type']);
  if (![...HTML_TYPES, ...VAGUE_TYPES, ...ACCEPTED].includes(type)) {
    body.destroy();
    throw new AppError({
      code: 'document.unsupported',
      message: `expected a document, the server sent ${type || 'no content type'}`,
      userMessage: `The server sent ${type || 'something without a type'}. Supported are ${supportedFormats}.`,
      details: { mime: type },
    });
  }
  const bytes = decodeCharset(await readBody(body, headers['content-encoding'], maxBytes), type, charset);
  if (bytes.length === 0) {
    throw new AppError({
      code: 'document.empty',
      message: `${url.origin} sent an empty body`,
      userMessage: 'The page is empty.',
    });
  }
  const isHtml = HTML_TYPES.includes(type);
  return {
    sourceUrl: source.href,
    fetchedUrl: url.href,
    fetchedAt: new Date(),
    bytes,
    fileName: nameFile(url, isHtml ? 'text/html' : type),
    title: isHtml ? readTitle(bytes) : null,
  };
}

async function readBody(
  body: Dispatcher.ResponseData['body'],
  encoding: string | string[] | undefined,
  maxBytes: number,
): Promise<Buffer> {
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  for await (const part of unpack(body, String(encoding ?? 'identity').toLowerCase())) {
    sizeBytes += part.length;
    if (sizeBytes > maxBytes) {
      body.destroy();
      throw new AppError({
        code: 'document.too-large',
        message: `the page is larger than ${maxBytes} bytes`,
        userMessage: `This page is larger than ${Math.round(maxBytes / 1_000_000)} MB.`,
      });
    }
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function unpack(body: Dispatcher.ResponseData['body'], encoding: string): AsyncIterable<Buffer> {
  const unpackers = { gzip: createGunzip, 'x-gzip': createGunzip, deflate: createInflate, br: createBrotliDecompress };
  const open = Object.entries(unpackers).find(([name]) => name === encoding)?.[1];
  if (!open) return body;
  const unpacker = open();
  // An error of the body ends the unpacking with it.
  body.on('error', (error) => unpacker.destroy(error));
  return body.pipe(unpacker);
}

function readContentType(header: string | string[] | undefined): [type: string, charset: string | undefined] {
  const [type = '', ...parameters] = String(header ?? '').split(';');
  const charset = parameters.map((each) => /^\s*charset\s*=\s*"?([^"\s]+)"?\s*$/i.exec(each)?.[1]).find((each) => each);
  return [type.trim().toLowerCase(), charset?.toLowerCase()];
}

/** Text as UTF-8. A server says its charset in a header, which the stored bytes do not keep. */
function decodeCharset(bytes: Buffer, type: string, charset: string | undefined): Uint8Array {
  if (charset === undefined || /^utf-?(?:8|16.*)$/.test(charset)) return bytes;
  if (!type.startsWith('text/') && type !== 'application/xhtml+xml') return bytes;
  try {
    return Buffer.from(new TextDecoder(charset).decode(bytes));
  } catch {
    // A charset that nobody knows: the reader guesses as it does for uploads.
    return bytes;
  }
}

const MAX_NAME_CHARACTERS = 200;

function nameFile(url: URL, type: string): string {
  const path = decodePath(url.pathname)
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .replace(/\/+$/, '');
  const query = url.search === '' ? '' : ` ${decodePath(url.search)}`;
  const name = `${url.host}${path}${query}`.slice(0, MAX_NAME_CHARACTERS).toWellFormed();
  const format = documentFormats.find((each) => each.mediaType === type);
  if (!format || format.endings.some((ending) => name.toLowerCase().endsWith(`.${ending}`))) return name;
  // Markdown and others come as plain text: their own ending says more.
  const isNamed = documentFormats.some((each) =>
    each.endings.some((ending) => path.toLowerCase().endsWith(`.${ending}`)),
  );
  return type === 'text/plain' && isNamed && query === '' ? name : `${name}.${format.endings[0]}`;
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

const TITLE_WITHIN_BYTES = 200_000;
const MAX_TITLE_CHARACTERS = 200;

function readTitle(bytes: Uint8Array): string | null {
  let title: string | null = null;
  let isInside = false;
  const parser = new Parser({
    onopentagname(name) {
      if (name === 'title' && title === null) isInside = true;
    },
    ontext(text) {
      if (isInside) title = (title ?? '') + text;
    },
    onclosetag(name) {
      if (name === 'title') isInside = false;
    },
  });
  parser.end(new TextDecoder().decode(bytes.subarray(0, TITLE_WITHIN_BYTES)));
  const words = (title ?? '').replaceAll(/[\p{Cc}\s]+/gu, ' ').trim();
  return words === '' ? null : words.slice(0, MAX_TITLE_CHARACTERS).toWellFormed();
}

function invalidAddress(userMessage: string): AppError {
  return new AppError({ code: 'document.address-invalid', message: `not fetched: ${userMessage}`, userMessage });
}

function refusedAddress(host: string): AppError {
  return new AppError({
    code: 'document.address-refused',
    message: `not fetched: ${host} is or leads to an address that is not public`,
    userMessage:
      'This address leads into a private network or to this machine. Only pages that anybody on the internet can reach are fetched; download this one and upload the file.',
  });
}

function failed(where: URL | string, why: string, cause?: unknown): AppError {
  const host = typeof where === 'string' ? where : where.host;
  return new AppError({
    code: 'document.fetch-failed',
    message: `${host} could not be fetched: ${why}`,
    userMessage: `The page at ${host} could not be fetched: ${why}.`,
    ...(cause !== undefined && { cause }),
  });
}

/** Ours, out of what the client wraps around it. */
function findAppError(error: unknown): AppError | null {
  for (let each = error; each instanceof Error; each = each.cause) if (AppError.isInstance(each)) return each;
  if (error instanceof AggregateError) return error.errors.map(findAppError).find((each) => each !== null) ?? null;
  return null;
}

const CAUSES: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'the name service does not answer',
  ECONNREFUSED: 'the server refuses the connection',
  ECONNRESET: 'the server cut the connection',
  UND_ERR_SOCKET: 'the server cut the connection',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the server cut the connection',
  UND_ERR_CONNECT_TIMEOUT: 'the server does not answer',
  CERT_HAS_EXPIRED: "the server's certificate has expired",
};

function describeCause(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return CAUSES[code] ?? (code === '' ? 'the connection failed' : `the connection failed (${code})`);
}
