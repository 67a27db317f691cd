/** What the address of a data set's page says about which rows it shows. */
export interface ShownRows {
  readonly state?: 'accepted' | 'flagged' | 'quarantined' | 'rejected' | undefined;
  readonly reason?: string | undefined;
  readonly intent?: string | undefined;
  readonly importId?: string | undefined;
  readonly search?: string | undefined;
}

export const ROWS_PER_PAGE = 50;

export const rowStates = ['accepted', 'flagged', 'quarantined', 'rejected'] as const;

type Query = Readonly<Record<string, string | string[] | undefined>>;

function readOne(query: Query, name: string): string | undefined {
  const value = query[name];
  const text = Array.isArray(value) ? value[0] : value;
  return text === undefined || text === '' ? undefined : text.slice(0, 200);
}

/** Whatever is no filter is left out: an address that somebody typed shows more, never an error. */
export function parseRowFilter(query: Query): { readonly filter: ShownRows; readonly pageNumber: number } {
  const importId = readOne(query, 'source');
  const pageNumber = Number(readOne(query, 'page') ?? 1);
  return {
    filter: {
      state: rowStates.find((state) => state === readOne(query, 'state')),
      reason: readOne(query, 'reason'),
      intent: readOne(query, 'intent'),
      importId: importId !== undefined && /^[\da-f-]{36}$/i.test(importId) ? importId : undefined,
      search: readOne(query, 'q'),
    },
    pageNumber: Number.isSafeInteger(pageNumber) && pageNumber > 0 && pageNumber < 100_000 ? pageNumber : 1,
  };
}

/** The address that shows these rows. */
export function writeRowAddress(address: string, filter: ShownRows, pageNumber = 1): string {
  const query = new URLSearchParams();
  const entries = [
    ['state', filter.state],
    ['reason', filter.reason],
    ['intent', filter.intent],
    ['source', filter.importId],
    ['q', filter.search],
    ['page', pageNumber === 1 ? undefined : String(pageNumber)],
  ] as const;
  for (const [name, value] of entries) if (value !== undefined && value !== '') query.set(name, value);
  const text = query.toString();
  return text === '' ? address : `${address}?${text}`;
}
