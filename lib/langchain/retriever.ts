import type { CallbackManagerForRetrieverRun } from '@langchain/core/callbacks/manager';
import { Document } from '@langchain/core/documents';
import { BaseRetriever, type BaseRetrieverInput } from '@langchain/core/retrievers';
import type { Source } from '#lib/domain/chat.ts';

/** What a retrieved document carries besides its text. */
export type RetrievedMetadata = Omit<Source, 'text'> & { readonly supportScore: number };

/**
 * A search that is bound to one workspace and its settings. `scopeQuestions`: of a follow-up, the question and those that it goes
 * on from, which say what document to look in.
 */
export type SearchPassages = (
  query: string,
  scopeQuestions: readonly string[],
) => Promise<{ readonly sources: readonly Source[]; readonly supportScore: number }>;

/**
 * The workspace's hybrid search as a LangChain retriever. What it may see is fixed by the search it is given, never by
 * anything in a query.
 */
export class PassageRetriever extends BaseRetriever<RetrievedMetadata> {
  static override lc_name(): string {
    return 'PassageRetriever';
  }

  lc_namespace = ['lorehouse', 'retrievers'];
  readonly #fields: BaseRetrieverInput & { readonly search: SearchPassages };

  constructor(fields: BaseRetrieverInput & { readonly search: SearchPassages }) {
    super(fields);
    this.#fields = fields;
  }

  /** The same for a query that was completed from a conversation. */
  forConversation(scopeQuestions: readonly string[]): PassageRetriever {
    const { search } = this.#fields;
    return new PassageRetriever({ ...this.#fields, search: (query) => search(query, scopeQuestions) });
  }

  override async _getRelevantDocuments(
    query: string,
    _runManager?: CallbackManagerForRetrieverRun,
  ): Promise<Document<RetrievedMetadata>[]> {
    const { sources, supportScore } = await this.#fields.search(query, [query]);
    return sources.map(
      ({ text, ...metadata }) =>
        new Document({ id: metadata.chunkId, pageContent: text, metadata: { ...metadata, supportScore } }),
    );
  }
}
