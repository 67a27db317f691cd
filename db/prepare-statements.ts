import type { PoolClient } from 'pg';

/** A statement is prepared when it comes for this time on one connection: those that come once would only fill the table. */
const PREPARED_FROM = 2;
/** Statements that one connection keeps prepared; each costs the server some ten kilobytes. */
const MAX_PREPARED = 100;
/** Texts whose repetitions are counted; more are forgotten all at once. */
const MAX_COUNTED = 1000;

/**
 * Give statements with parameters that come again a name, so that the server parses and plans them once a connection instead of
 * every time. On the embedded database a small statement costs more in planning than in running.
 */
export function prepareRepeatedStatements(client: PoolClient): void {
  const names = new Map<string, string>();
  const counts = new Map<string, number>();

  function findName(text: string): string | undefined {
    const known = names.get(text);
    if (known !== undefined || names.size >= MAX_PREPARED) return known;
    const count = (counts.get(text) ?? 0) + 1;
    if (count < PREPARED_FROM) {
      if (counts.size >= MAX_COUNTED) counts.clear();
      counts.set(text, count);
      return undefined;
    }
    counts.delete(text);
    const name = `repeated_${names.size + 1}`;
    names.set(text, name);
    return name;
  }

  const query = client.query.bind(client);
  const queryNamed = (...[config, values, ...others]: readonly unknown[]): unknown => {
    const canBeNamed = Array.isArray(values) && values.length > 0 && isUnnamed(config);
    const named = canBeNamed ? { ...config, name: findName(config.text) } : config;
    return Reflect.apply(query, client, [named, values, ...others]);
  };
  Object.defineProperty(client, 'query', { value: queryNamed });
}

/** What drizzle hands to the driver; not a query object of the driver's own, which has a `submit`. */
function isUnnamed(config: unknown): config is object & { readonly text: string } {
  return (
    typeof config === 'object' &&
    config !== null &&
    'text' in config &&
    typeof config.text === 'string' &&
    !('submit' in config) &&
    (!('name' in config) || config.name === undefined)
  );
}
