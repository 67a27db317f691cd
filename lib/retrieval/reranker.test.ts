import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { createReranker } from './reranker.ts';

let server: Server | undefined;
afterEach(() => server?.close());

async function serve(answer: (body: Record<string, unknown>, url: string) => { status?: number; body: unknown }) {
  const requests: { url: string; authorization: string | undefined; body: Record<string, unknown> }[] = [];
  server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(parts).toString('utf8'));
      requests.push({ url: request.url ?? '', authorization: request.headers.authorization, body });
      const { status = 200, body: reply } = answer(body, request.url ?? '');
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(reply));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { url: `http://127.0.0.1:${address.port}`, requests };
}

describe('createReranker', () => {
  it('asks the endpoint and gives the scores in the order of the texts', async () => {
    const { url, requests } = await serve(() => ({
      body: {
        results: [
          { index: 1, relevance_score: 0.9 },
          { index: 0, relevance_score: -0.1 },
        ],
      },
    }));
    const reranker = createReranker({ url: `${url}/v1/`, model: 'cross-encoder', token: 'secret' });
    expect(await reranker.scoreTexts('Which?', ['this', 'that'], {})).toEqual([-0.1, 0.9]);
    expect(requests).toEqual([
      {
        url: '/v1/rerank',
        authorization: 'Bearer secret',
        body: { model: 'cross-encoder', query: 'Which?', documents: ['this', 'that'], top_n: 2 },
      },
    ]);
  });

  it.each([
    ['status 503', { status: 503, body: {} }, 'status 503'],
    ['another shape', { body: { scores: [1, 2] } }, 'another shape'],
    ['a text without a score', { body: { results: [{ index: 0, relevance_score: 1 }] } }, 'left out text 1 of 2'],
  ])('names what is wrong: %s', async (_, answer, message) => {
    const { url } = await serve(() => answer);
    const scoring = createReranker({ url, model: 'm' }).scoreTexts('q', ['a', 'b'], {});
    await expect(scoring).rejects.toMatchObject({
      code: 'reranker.unavailable',
      message: expect.stringContaining(message),
    });
  });

  it('names an address where nobody answers', async () => {
    const { url } = await serve(() => ({ body: {} }));
    server?.close();
    await expect(createReranker({ url, model: 'm' }).scoreTexts('q', ['a'], {})).rejects.toMatchObject({
      code: 'reranker.unavailable',
      message: expect.stringContaining('cannot be reached'),
    });
  });
});
