import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeGgufAdapter } from '#lib/lora/adapter/gguf-adapter.ts';
import { readPeftAdapter } from '#lib/lora/adapter/peft-adapter.ts';
import { readDecoderConfig } from '#lib/lora/architectures/architecture.ts';
import { openGguf } from '#lib/lora/gguf/read-gguf.ts';
import { writeTinyBase } from '#lib/lora/testing/tiny-base.ts';
import { createRuntimeClient, type HttpRuntimeClient } from '#lib/runtime/client.ts';
import { drawAdapter } from '#lib/testing/registry-stage.ts';
import { createArtifactStore } from './artifact-store.ts';
import { serveAdapters } from './serve-adapters.ts';

const formatChunk = (choice: object) => `data: ${JSON.stringify({ choices: [choice] })}\n\n`;

/** A server that answers as vLLM does: nothing in `/health`, a refusal of a name that it has. */
let server: Server;
let client: HttpRuntimeClient;
let directory: string;
let calls: { readonly url: string; readonly body: Record<string, unknown> }[];

beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'serve-adapters-'));
  calls = [];
  const loaded = new Set<unknown>();
  server = createServer((request, response) => {
    void (async () => {
      const raw = await text(request);
      const url = request.url ?? '';
      if (url === '/health') return response.end();
      const body = raw === '' ? {} : (JSON.parse(raw) as Record<string, unknown>);
      calls.push({ url, body });
      if (url === '/v1/load_lora_adapter' && loaded.has(body['lora_name'])) {
        response.statusCode = 400;
        const message = `The lora adapter '${String(body['lora_name'])}' has already been loaded.`;
        return response.end(JSON.stringify({ object: 'error', message, type: 'InvalidUserInput', code: 400 }));
      }
      loaded.add(body['lora_name']);
      if (url !== '/v1/chat/completions') return response.end('Success');
      return response.end(
        `${formatChunk({ delta: { content: 'Hello.' }, finish_reason: null })}${formatChunk({ delta: {}, finish_reason: 'stop' })}data: [DONE]\n\n`,
      );
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  client = createRuntimeClient({ url: `http://127.0.0.1:${address.port}`, token: randomUUID() });
});
afterEach(async () => {
  await client.close();
  await new Promise((resolve) => server.close(resolve));
  await rm(directory, { recursive: true, force: true });
});

it('gives a foreign server the adapter as a PEFT directory, once, and asks for it by its hash', async () => {
  const basePath = path.join(directory, 'base.gguf');
  await writeTinyBase(basePath, 1);
  const gguf = await openGguf(basePath);
  const config = readDecoderConfig(gguf);
  await gguf.close();
  const adapter = drawAdapter(config, 3);
  const file = path.join(directory, 'adapter.gguf');
  await writeGgufAdapter(file, adapter);
  const artifacts = createArtifactStore(path.join(directory, 'adapters'));
  const { sha256 } = await artifacts.add(file);
  const base = { id: 'tiny', path: basePath, sha256: 'a'.repeat(64), config };
  const runtime = serveAdapters(client, { artifacts, findBase: () => Promise.resolve(base) });

  for (let turn = 0; turn < 2; turn += 1) {
    const answer = [];
    for await (const chunk of runtime.streamChat({ model: sha256, messages: [{ role: 'user', content: 'Hi' }] }))
      answer.push(chunk.type === 'text-delta' ? chunk.text : chunk.reason);
    expect(answer).toEqual(['Hello.', 'stop']);
  }
  const load = calls.find(({ url }) => url === '/v1/load_lora_adapter');
  expect(load?.body).toEqual({ lora_name: sha256, lora_path: artifacts.locatePeft(sha256) });
  expect(await readPeftAdapter(artifacts.locatePeft(sha256), config)).toEqual(adapter);
  expect(calls.filter(({ url }) => url === '/v1/chat/completions').map(({ body }) => body['model'])).toEqual([
    sha256,
    sha256,
  ]);
  await artifacts.remove(sha256);
  expect(await readdir(path.join(directory, 'adapters', 'peft'))).toEqual([]);
  await expect(runtime.loadAdapter(sha256)).rejects.toMatchObject({ code: 'adapter.artifact-missing' });
});
