import type { DatabaseExecutor } from '#db/executor.ts';
import { findAdapterByName, listAdapterVersions, type NamedVersion } from '#db/repositories/adapters.ts';
import type { Authorized } from '#lib/domain/access.ts';
import { invalidInput, notFound } from '#lib/domain/errors.ts';

/** Fewer digits of a hash could be a name. */
const MIN_HASH_DIGITS = 8;

/**
 * The version that a person on a command line means: `base` for the base alone, an adapter's name for its newest version,
 * `name@number`, or the SHA-256 of the artifact or its beginning.
 * @returns null: the base alone
 * @throws AppError `adapter.not-found`; `input.invalid` when the beginning of a hash fits several
 */
export async function findVersionByReference(
  deps: { readonly db: DatabaseExecutor },
  access: Authorized<'adapter.read'>,
  reference: string,
): Promise<NamedVersion | null> {
  const wanted = reference.trim();
  if (wanted === 'base') return null;
  const [, name = wanted, number] = /^(.+)@(\d+)$/.exec(wanted) ?? [];
  const adapter = await findAdapterByName(deps.db, access, name);
  if (adapter !== undefined) {
    const versions = await listAdapterVersions(deps.db, access, adapter.id);
    const found =
      number === undefined
        ? versions.toSorted((a, b) => b.number - a.number)[0]
        : versions.find((version) => version.number === Number(number));
    if (found !== undefined) return found;
  }
  if (new RegExp(`^[0-9a-f]{${MIN_HASH_DIGITS},64}$`).test(wanted)) {
    const fitting = (await listAdapterVersions(deps.db, access)).filter(({ sha256 }) => sha256.startsWith(wanted));
    if (fitting.length > 1)
      throw invalidInput(`${wanted} is the beginning of ${fitting.length} hashes; give more of it`);
    if (fitting[0] !== undefined) return fitting[0];
  }
  throw notFound('adapter');
}
