import { request } from 'undici';
import { z } from 'zod';
import { AppError } from '#lib/domain/errors.ts';

/** Reads question and passage together, which is slower and better than comparing two vectors. */
export interface Reranker {
  readonly id: string;
  /**
   * @returns one score a text, same order; higher is better, comparable within one call
   * @throws AppError `reranker.unavailable`
   */
  scoreTexts(
    query: string,
    texts: readonly string[],
    options: { readonly signal?: AbortSignal },
  ): Promise<readonly number[]>;
}

export interface RerankerSettings {
  /** Origin, or the whole address of the endpoint. */
  readonly url: string;
  readonly model: string;
  readonly token?: string | undefined;
}

/** A reader waits for it. */
const TIMEOUT_MS = 5000;

const answerSchema = z.object({
  results: z.array(z.object({ index: z.number().int().min(0), relevance_score: z.number() })),
});

/** A server with the rerank endpoint that vLLM, llama.cpp, Jina and Cohere share: POST /v1/rerank. */
export function createReranker(settings: RerankerSettings): Reranker {
  const { model, token } = settings;
  const address = /\/rerank\/?$/.test(settings.url)
    ? settings.url
    : `${settings.url.replace(/\/+$/, '').replace(/\/v1$/, '')}/v1/rerank`;
  const fail = (reason: string, cause?: unknown) =>
    new AppError({
      code: 'reranker.unavailable',
      message: `the reranker at ${address} ${reason}; check RERANK_URL, or unset it`,
      isRetryable: true,
      cause,
    });
  return {
    id: model,
    async scoreTexts(query, texts, { signal }) {
      const timeout = AbortSignal.timeout(TIMEOUT_MS);
      let body: unknown;
      try {
        const response = await request(address, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          },
          body: JSON.stringify({ model, query, documents: texts, top_n: texts.length }),
          signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
        });
        if (response.statusCode !== 200) {
          await response.body.dump();
          throw fail(`answered with status ${response.statusCode}`);
        }
        body = await response.body.json();
      } catch (error) {
        if (AppError.isInstance(error) || signal?.aborted === true) throw error;
        throw fail(timeout.aborted ? `did not answer within ${TIMEOUT_MS} ms` : 'cannot be reached', error);
      }
      const parsed = answerSchema.safeParse(body);
      if (!parsed.success) throw fail('answered in another shape than {results: [{index, relevance_score}]}');
      const scores = new Map(parsed.data.results.map((result) => [result.index, result.relevance_score]));
      return texts.map((_, index) => {
        const score = scores.get(index);
        if (score === undefined) throw fail(`left out text ${index} of ${texts.length}`);
        return score;
      });
    },
  };
}
