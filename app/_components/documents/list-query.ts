import {
  type DocumentFilter,
  type DocumentGroup,
  type DocumentOrder,
  type DocumentPageQuery,
  documentGroups,
  documentOrders,
} from '#lib/domain/document-list.ts';
import { documentFormats } from '#lib/ingestion/formats.ts';

/** A list of documents as its address has it, so that it can be shared, reloaded and gone back to. */

export const DOCUMENTS_PER_PAGE = 50;

const MAX_SEARCH_CHARACTERS = 200;

export interface ListView extends DocumentFilter {
  readonly order: DocumentOrder;
  readonly isDescending: boolean;
  /** From 1. */
  readonly page: number;
}

export type SearchParams = Readonly<Record<string, string | string[] | undefined>>;

/** Where a column starts when it is chosen: newest, largest, and A. */
export const startsDescending: Readonly<Record<DocumentOrder, boolean>> = {
  added: true,
  changed: true,
  name: false,
  size: true,
};

const plain: ListView = {
  search: '',
  group: null,
  tag: null,
  mediaType: null,
  order: 'added',
  isDescending: true,
  page: 1,
};

/** What an address does not say, or says wrongly, has its usual value. */
export function parseListView(params: SearchParams): ListView {
  const read = (name: string) => {
    const value = params[name];
    return typeof value === 'string' ? value : '';
  };
  const order = documentOrders.find((each) => each === read('sort')) ?? plain.order;
  const page = Number.parseInt(read('page'), 10);
  return {
    search: read('q').slice(0, MAX_SEARCH_CHARACTERS),
    group: documentGroups.find((each) => each === read('state')) ?? null,
    tag: read('tag').slice(0, MAX_SEARCH_CHARACTERS) || null,
    mediaType:
      documentFormats.find(({ endings }) => endings.some((ending) => ending === read('format')))?.mediaType ?? null,
    order,
    isDescending: read('direction') === '' ? startsDescending[order] : read('direction') === 'down',
    page: Number.isFinite(page) ? Math.min(Math.max(1, page), 1_000_000) : 1,
  };
}

/** The query part of an address, without `?`; empty for the plain list. */
export function writeListView(view: ListView): string {
  const params = new URLSearchParams();
  if (view.search !== '') params.set('q', view.search);
  if (view.group !== null) params.set('state', view.group);
  if (view.tag !== null) params.set('tag', view.tag);
  const format = documentFormats.find(({ mediaType }) => mediaType === view.mediaType)?.endings[0];
  if (format !== undefined) params.set('format', format);
  if (view.order !== plain.order) params.set('sort', view.order);
  if (view.isDescending !== startsDescending[view.order]) params.set('direction', view.isDescending ? 'down' : 'up');
  if (view.page > 1) params.set('page', String(view.page));
  return params.toString();
}

/** Something other than the first page changed: what was page 7 is another page now. */
export function changeListView(view: ListView, change: Partial<Omit<ListView, 'page'>>): ListView {
  return { ...view, ...change, page: 1 };
}

export function toPageQuery({ page, ...view }: ListView): DocumentPageQuery {
  return { ...view, offset: (page - 1) * DOCUMENTS_PER_PAGE, limit: DOCUMENTS_PER_PAGE };
}

export const isFiltered = (view: DocumentFilter) =>
  view.search !== '' || view.group !== null || view.tag !== null || view.mediaType !== null;

export const groupNames: Readonly<Record<DocumentGroup, string>> = {
  moving: 'In progress',
  ready: 'Indexed',
  failed: 'Failed',
  cancelled: 'Cancelled',
  superseded: 'Superseded',
};
