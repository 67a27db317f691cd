import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAdapterFileCheck } from './adapter-file.ts';
import type { RuntimeEngine } from './engine.ts';
import { createRuntimeApp } from './http.ts';
import { listenRuntime } from './listen.ts';

function unused(): never {
  throw new Error('the engine must not be reached');
}

const engine: RuntimeEngine = {
  readStatus: () => ({
    state: 'loading',
    baseModel: null,
    embeddingModel: null,
    gpu: false,
    threads: 1,
    queue: { active: 0, waiting: 0, limit: 1 },
    problems: [],
  }),
  listModels: () => [],
  generate: unused,
  scoreTokens: unused,
  tokenize: unused,
  embed: unused,
  loadAdapter: unused,
  unloadAdapter: unused,
  close: unused,
};

describe('createRuntimeApp', () => {
  it('lets nobody in without the token', async () => {
    const app = createRuntimeApp({ engine, token: 'secret', adaptersDir: null, onError: unused });
    for (const authorization of [undefined, '', 'Bearer', 'Bearer secre', 'Bearer secret2', 'secret']) {
      const response = await app.request(
        '/v1/models',
        authorization === undefined ? {} : { headers: { authorization } },
      );
      expect(response.status).toBe(401);
    }
    const response = await app.request('/v1/models', { headers: { authorization: 'Bearer secret' } });
    expect(response.status).toBe(200);
  });

  it('answers bad bodies and unknown routes in the shape of OpenAI errors', async () => {
    const app = createRuntimeApp({ engine, token: null, adaptersDir: null, onError: unused });
    const notJson = await app.request('/v1/embeddings', { method: 'POST', body: '{' });
    expect(notJson.status).toBe(400);
    expect(await notJson.json()).toMatchObject({ error: { code: 'input.invalid', type: 'invalid_request_error' } });
    const unknown = await app.request('/v2/nothing');
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toMatchObject({ error: { code: 'route.not-found' } });
  });

  it('reports an unexpected failure as internal and hands it to the log', async () => {
    const seen: unknown[] = [];
    const app = createRuntimeApp({ engine, token: null, adaptersDir: null, onError: (error) => seen.push(error) });
    const response = await app.request('/tokenize', { method: 'POST', body: JSON.stringify({ prompt: 'x' }) });
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({ error: { code: 'internal' } });
    expect(seen).toHaveLength(1);
  });
});

describe('files', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 'runtime-http-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('takes an adapter only under its own checksum, from the adapters directory', async () => {
    const adaptersDir = path.join(directory, 'adapters');
    await mkdir(adaptersDir);
    const sha256 = createHash('sha256').update('weights').digest('hex');
    const good = path.join(adaptersDir, `${sha256}.gguf`);
    await writeFile(good, 'weights');
    const checkAdapterFile = createAdapterFileCheck(adaptersDir);
    expect(await checkAdapterFile(good, sha256)).toBe(good);
    expect(await checkAdapterFile(good, sha256)).toBe(good);

    const outside = path.join(directory, `${sha256}.gguf`);
    await writeFile(outside, 'weights');
    await expect(checkAdapterFile(outside, sha256)).rejects.toMatchObject({ code: 'input.invalid' });
    const other = 'a'.repeat(64);
    await symlink(outside, path.join(adaptersDir, `${other}.gguf`));
    await expect(checkAdapterFile(path.join(adaptersDir, `${other}.gguf`), other)).rejects.toMatchObject({
      code: 'input.invalid',
    });
    await expect(checkAdapterFile(path.join(adaptersDir, 'x.gguf'), sha256)).rejects.toMatchObject({
      code: 'input.invalid',
    });
    await writeFile(good, 'changed');
    await expect(checkAdapterFile(good, sha256)).rejects.toMatchObject({
      code: 'adapter.checksum-mismatch',
    });
    await rm(good);
    await expect(checkAdapterFile(good, sha256)).rejects.toMatchObject({ code: 'adapter.artifact-missing' });
    await expect(createAdapterFileCheck(null)(good, sha256)).rejects.toMatchObject({ code: 'input.invalid' });
  });

  it('opens a socket for its user only, over a dead one, and refuses a live one', async () => {
    const app = createRuntimeApp({ engine, token: null, adaptersDir: null, onError: unused });
    const socketPath = path.join(directory, 'run', 'runtime.sock');
    await mkdir(path.dirname(socketPath), { mode: 0o700 });
    await writeFile(socketPath, 'left behind');
    const listener = await listenRuntime(app, { socketPath });
    expect((await stat(socketPath)).mode & 0o777).toBe(0o600);
    await expect(listenRuntime(app, { socketPath })).rejects.toThrow('another inference server');
    await listener.close();
  });
});
