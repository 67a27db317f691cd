import { Embeddings, type EmbeddingsParams } from '@langchain/core/embeddings';
import type { RuntimeClient, RuntimePriority } from '#lib/runtime/runtime-port.ts';

export interface RuntimeEmbeddingsFields extends EmbeddingsParams {
  readonly runtime: Pick<RuntimeClient, 'embedTexts'>;
  /** Of documents; a query is a person waiting and always `chat`. Default `ingestion`. */
  readonly documentPriority?: RuntimePriority;
  readonly signal?: AbortSignal;
}

/** Our inference server as LangChain embeddings: L2-normalised, so cosine similarity is the dot product. */
export class RuntimeEmbeddings extends Embeddings {
  readonly #fields: RuntimeEmbeddingsFields;

  constructor(fields: RuntimeEmbeddingsFields) {
    super(fields);
    this.#fields = fields;
  }

  override async embedDocuments(documents: string[]): Promise<number[][]> {
    const vectors = await this.#fields.runtime.embedTexts(documents, {
      purpose: 'passage',
      priority: this.#fields.documentPriority ?? 'ingestion',
      ...this.#signalOption(),
    });
    return vectors.map((vector) => [...vector]);
  }

  override async embedQuery(query: string): Promise<number[]> {
    const [vector] = await this.#fields.runtime.embedTexts([query], {
      purpose: 'query',
      priority: 'chat',
      ...this.#signalOption(),
    });
    if (vector === undefined) throw new Error('the inference server returned no embedding for the query');
    return [...vector];
  }

  #signalOption(): { signal?: AbortSignal } {
    return this.#fields.signal === undefined ? {} : { signal: this.#fields.signal };
  }
}
